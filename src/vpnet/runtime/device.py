"""Where to compute, and in which precision: the card where torch can use it, else the CPU."""

import os
import re
import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from vpnet.errors import InputError

PROC = Path("/proc/driver/nvidia")
"""Where the driver of Linux describes its cards."""

NVIDIA_SMI_TIMEOUT_S = 2.0
"""nvidia-smi answers in a tenth of a second, or hangs where the driver does."""

LEAST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The oldest driver, by the major version of the CUDA that torch was built for."""

OLDER_BUILD = "`make install CUDA=12` in a clone, or `pip install 'vpnet[cuda12]'`"
"""Installs a torch for drivers from 525 on."""

NEW_BUILD = (
    "`rm -r .venv; make install` in a clone, or `pip install --force-reinstall 'vpnet[cuda12]'`"
)
"""Replaces another build of the same version."""


class Device(NamedTuple):
    """What computes."""

    accelerator: str
    """``cpu`` or ``cuda``."""
    name: str
    """For people to read."""
    precision: str
    """Lightning's name of the precision that suits it."""


class Card(NamedTuple):
    """An NVIDIA card that the driver knows."""

    name: str
    """As ``NVIDIA GeForce RTX 3090``."""
    driver: str
    """Version of the driver, as ``550.90.07``."""

    @property
    def driver_major(self) -> int:
        """The first number of the driver's version; 0 where it is unknown."""
        first = self.driver.partition(".")[0]
        return int(first) if first.isdecimal() else 0


@cache
def card_works() -> bool:
    """Whether torch computes on a card of this machine; tried, since a build may lack its kind."""
    with warnings.catch_warnings():
        # `unused_card` says in one line what torch says of an old driver.
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
    """The GPU if torch can use it, with bfloat16 if the GPU supports it; otherwise the CPU."""
    if not card_works():
        return Device("cpu", "CPU", "32-true")
    # Without emulation: before Ampere bfloat16 takes longer than float32.
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    precision = "bf16-mixed" if has_bfloat16 else "32-true"
    return Device("cuda", torch.cuda.get_device_name(), precision)


@cache
def cpu_has_bfloat16() -> bool:
    """Whether the CPU's recurrent networks run in bfloat16, tried with a tiny one.

    Without the instructions an LSTM raises an error from inside the library, and other layers take
    several times longer than in float32 (docs/LOG.md).
    """
    network = torch.nn.LSTM(1, 1)
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            network(torch.zeros(1, 1, 1))
    except RuntimeError:
        return False
    return True


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


def choose_precision(precision: str, accelerator: str) -> str:
    """The precision that suits an accelerator for ``auto``; any other name as it is."""
    if precision != "auto":
        return precision
    return best_device().precision if accelerator in ("gpu", "cuda") else "32-true"


def check_card(device: str) -> None:
    """Refuse ``cuda`` or ``cuda:NUMBER`` that is not there, or that torch cannot use.

    Raises:
        InputError: It is none of this machine's cards.
    """
    found = torch.cuda.device_count() if card_works() else 0
    if int(device.partition(":")[2] or 0) >= found:
        raise InputError(
            f"device={device}: torch {torch.__version__} can use {found} cards here; "
            f"{unused_card() or 'use device=cpu'}"
        )


def unused_card() -> str | None:
    """One line on a card that torch cannot use: versions, and the command that corrects it.

    None where there is no card, where torch uses it, and where CUDA_VISIBLE_DEVICES hides it.
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
        return f"{found}: torch {torch_version} is built for the CPU alone; run {NEW_BUILD}"
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


@cache
def find_card(proc: Path = PROC) -> Card | None:
    """The first NVIDIA card of this machine, without torch; None without a card or its driver.

    Args:
        proc: Folder of the driver's own files, which Linux has and Windows lacks.
    """
    return _card_of_files(proc) or _card_of_command()


def _card_of_files(proc: Path) -> Card | None:
    try:
        version = (proc / "version").read_text(encoding="utf-8", errors="replace")
        described = [
            file.read_text(encoding="utf-8", errors="replace")
            for file in sorted(proc.glob("gpus/*/information"))
        ]
    except OSError:
        return None
    driver = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", version)
    name = re.search(r"^Model:\s*(.+?)\s*$", described[0], re.MULTILINE) if described else None
    return None if driver is None or name is None else Card(name[1], driver[1])


def _card_of_command() -> Card | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        ended = subprocess.run(
            query,
            capture_output=True,
            text=True,
            timeout=NVIDIA_SMI_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    first = ended.stdout.strip().split("\n")[0].rsplit(",", 1)
    # Without a driver it says so on the same output, and fails.
    if ended.returncode != 0 or len(first) != 2:
        return None
    return Card(first[0].strip(), first[1].strip())
