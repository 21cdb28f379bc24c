"""Where to compute, and in which precision: the card where torch can use it, else the CPU."""

import os
import warnings
from functools import cache
from typing import NamedTuple

import torch

from vpnet.errors import InputError
from vpnet.runtime.nvidia_card import Card, find_card

LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The oldest driver, by the major version of the CUDA that torch was built for."""

OLDER_BUILD = "`make install CUDA=12` in a clone, or `pip install 'vpnet[cuda12]'`"
"""Installs a torch for drivers from 525 on."""

ANEW = "`rm -r .venv; make install` in a clone, or `pip install --force-reinstall 'vpnet[cuda12]'`"
"""The same where another build of the same version is installed."""


class Device(NamedTuple):
    """What computes."""

    accelerator: str
    """``cpu`` or ``cuda``."""
    name: str
    """What people call it."""
    precision: str
    """What Lightning calls the precision that suits it."""


@cache
def card_works() -> bool:
    """Whether torch computes on a card of this machine; tried, since a build may lack its kind."""
    with warnings.catch_warnings():
        # What torch says of an old driver is said in one line by `unused_card`.
        warnings.simplefilter("ignore")
        try:
            if not torch.cuda.is_available():
                return False
            # On the card of this process: on the first one, all processes would take its memory.
            rank = int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0)
            device = torch.device("cuda", rank % torch.cuda.device_count())
            return bool(torch.ones(1, device=device).sum() == 1)
        except torch.OutOfMemoryError:
            # It works: other programs have its memory, as the training will find out.
            return True
        except RuntimeError:
            return False


@cache
def best_device() -> Device:
    """The card where torch can use it, with bfloat16 where the card has that, else the CPU."""
    if not card_works():
        return Device("cpu", "CPU", "32-true")
    # Without emulation: before Ampere bfloat16 takes longer than float32.
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    precision = "bf16-mixed" if has_bfloat16 else "32-true"
    return Device("cuda", torch.cuda.get_device_name(), precision)


def choose_accelerator(accelerator: str) -> str:
    """``cpu`` or ``cuda`` for ``auto``; any other name as it is.

    Raises:
        InputError: A card is named, and torch cannot use one.
    """
    if accelerator == "auto":
        return best_device().accelerator
    if accelerator in ("gpu", "cuda") and not card_works():
        unused = unused_card()
        if unused is not None:
            raise InputError(f"trainer.accelerator={accelerator}: {unused}, or use trainer=cpu")
        raise InputError(
            f"trainer.accelerator={accelerator} needs a CUDA device and none is available to "
            f"torch {torch.__version__}; use trainer=cpu"
        )
    return accelerator


def check_card(device: str) -> None:
    """Refuse a card by number that there is not, or that torch cannot use.

    Args:
        device: ``cuda`` or ``cuda:NUMBER``.

    Raises:
        InputError: It is none of this machine's.
    """
    found = torch.cuda.device_count() if card_works() else 0
    if int(device.partition(":")[2] or 0) >= found:
        raise InputError(
            f"device={device}: torch {torch.__version__} can use {found} cards here; "
            f"{unused_card() or 'use device=cpu'}"
        )


def choose_precision(precision: str, accelerator: str) -> str:
    """The precision that suits an accelerator for ``auto``; any other name as it is."""
    if precision != "auto":
        return precision
    return best_device().precision if accelerator in ("gpu", "cuda") else "32-true"


def unused_card() -> str | None:
    """One line on a card that torch cannot use: versions, and the command that corrects it.

    Returns:
        The line; None where there is no card, where torch uses it, and where CUDA_VISIBLE_DEVICES
        hides it.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or card_works():
        return None
    card = find_card()
    return None if card is None else why_unused(card, torch.__version__, torch.version.cuda)


def why_unused(card: Card, torch_version: str, cuda: str | None) -> str:
    """Why a build of torch cannot use a card, and what to do.

    Args:
        card: The card and its driver.
        torch_version: Version of torch.
        cuda: The version of CUDA that this torch was built for, or None.
    """
    found = f"{card.name} (driver {card.driver}) is not used"
    if cuda is None:
        return f"{found}: torch {torch_version} is built for the CPU alone; run {ANEW}"
    built = f"torch {torch_version} is built for CUDA {cuda}"
    least = LEAST_DRIVER.get(int(cuda.partition(".")[0]))
    if least is None or card.driver_major >= least:
        return (
            f"{found}: {built} and does not compute on it; run `vpnet doctor`, and try "
            f"{OLDER_BUILD}"
        )
    if card.driver_major < LEAST_DRIVER[12]:
        return f"{found}: {built}, which needs driver {least} or newer; install a newer driver"
    return f"{found}: {built}, which needs driver {least} or newer; run {OLDER_BUILD}"
