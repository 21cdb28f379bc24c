"""What `vpnet doctor` finds out: nothing that names the user or leaves this machine."""

import contextlib
import io
import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import torch

from vpnet.cli.hydra_command import CONFIG_FOLDER
from vpnet.runtime.device import best_device, card_works, cpu_has_bfloat16, find_card, unused_card
from vpnet.studies.study_reading import LOCATION, default_folder
from vpnet.video.decoders import check_decoders
from vpnet.video.torch_companions import companion_complaints

PACKAGES = (
    "torchvision",
    "torchcodec",
    "pytorch-lightning",
    "hydra-core",
    "decord",
    "av",
    "wandb",
    "numpy",
    "polars",
)
"""Packages whose versions are shown, besides vpnet and torch."""

OPTIONAL = ("decord", "torchcodec")
"""Packages that may be missing."""

LEAST_FREE_BYTES = 10**9


class Fact(NamedTuple):
    """A line of the report."""

    name: str
    value: str
    complaint: str | None = None
    """What does not work, and what to do."""


def machine_facts() -> Iterator[Fact]:
    """Everything, in the order in which it is printed."""
    yield from _versions()
    yield from _card()
    yield from _decoders()
    yield Fact("W&B", _wandb())
    yield from _disk()


def without_home(path: Path) -> str:
    """A path in which the home folder is ``~``, for it often has the user's name."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _versions() -> Iterator[Fact]:
    code = "a clone" if CONFIG_FOLDER.parent.name != "vpnet" else "a wheel"
    yield Fact("vpnet", f"{_version('vpnet')}, {code}")
    yield Fact("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU"
    yield Fact("torch", f"{torch.__version__}, built for {built}")
    for package in PACKAGES:
        found = _version(package)
        if found is not None:
            complaint = next((c for c in companion_complaints() if c.startswith(package)), None)
            yield Fact(package, found, complaint)
        else:
            needed = None if package in OPTIONAL else f"it is missing; pip install {package}"
            yield Fact(package, "not installed", needed)


def _card() -> Iterator[Fact]:
    card = find_card()
    if card_works():
        for number in range(torch.cuda.device_count()):
            known = torch.cuda.get_device_properties(number)
            yield Fact(
                "card",
                f"{known.name}, {known.total_memory / 2**30:.0f} GiB, "
                f"compute capability {known.major}.{known.minor}",
            )
    elif card is not None:
        yield Fact("card", card.name, unused_card())
    else:
        yield Fact("card", "none found")
    if card is not None:
        yield Fact("driver", card.driver)
    device = best_device()
    yield Fact("trainer=auto", f"{device.name}, {device.precision}")
    bfloat16 = "with" if cpu_has_bfloat16() else "without"
    yield Fact("processor", f"{os.cpu_count()} cores, {bfloat16} bfloat16")


def _decoders() -> Iterator[Fact]:
    for backend, complaint in check_decoders().items():
        if complaint is None:
            yield Fact(backend, "decodes")
        elif backend in OPTIONAL and _version(backend) is None:
            yield Fact(backend, "not installed")
        else:
            yield Fact(backend, "does not decode", complaint)


def _wandb() -> str:
    """How a run would log, without a word to W&B's servers."""
    mode = os.environ.get("WANDB_MODE")
    if mode:
        return f"{mode}, as WANDB_MODE says"
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            import wandb

            logged_in = wandb.login(prompt=False, verify=False)
    except Exception as error:  # whatever it is, a run says so itself
        return f"unknown ({type(error).__name__})"
    return "online, logged in" if logged_in else "offline, not logged in"


def _disk() -> Iterator[Fact]:
    cache = default_folder().parent
    named = f", as {LOCATION} says" if os.environ.get(LOCATION) else ""
    files = [file for file in cache.rglob("*") if file.is_file()] if cache.is_dir() else []
    kept_bytes = sum(file.stat().st_size for file in files)
    yield Fact(
        "caches", f"{without_home(cache)}{named}: {kept_bytes / 1e6:,.0f} MB in {len(files)} files"
    )
    for name, folder in (("disk, here", Path.cwd()), ("disk, caches", cache)):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free_bytes = shutil.disk_usage(there).free
        is_full = free_bytes < LEAST_FREE_BYTES
        yield Fact(
            name,
            f"{free_bytes / 1e9:,.1f} GB free",
            "less than 1 GB is free; make room" if is_full else None,
        )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
