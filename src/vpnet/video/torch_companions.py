"""Whether torchvision and torchcodec belong to the installed torch, which no resolver ensures."""

import logging
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version

_LOGGER = logging.getLogger(__name__)

BUILT_FOR = {
    "0.3": "2.7",
    "0.4": "2.7",
    "0.5": "2.7",
    "0.6": "2.8",
    "0.7": "2.8",
    "0.8": "2.9",
    "0.9": "2.9",
    "0.10": "2.10",
}
"""The torch that a torchcodec was built for; https://github.com/meta-pytorch/torchcodec has it."""

FIRST_LASTING = Version("0.11")
FIRST_TORCH = "2.11"
"""From this torchcodec on, each is for every torch from this one on, and for none before."""

INSTALL = "run `rm .venv/installed; make install` in a clone, or `pip install {}`"


@cache
def companion_complaints() -> tuple[str, ...]:
    """One line for each of the two that is installed and does not belong to the installed torch."""
    torch, torchvision, torchcodec = map(_installed, ("torch", "torchvision", "torchcodec"))
    complaints: list[str | None] = []
    if torch and torchvision:
        complaints.append(torchvision_complaint(torch, torchvision, requires("torchvision") or []))
    if torch and torchcodec:
        complaints.append(torchcodec_complaint(torch, torchcodec))
    return tuple(complaint for complaint in complaints if complaint)


def torchvision_complaint(torch: str, torchvision: str, required: Sequence[str]) -> str | None:
    """What is wrong where torchvision requires another torch.

    ``torch`` and ``torchvision`` are versions, ``required`` is what torchvision's metadata require.
    """
    for requirement in map(Requirement, required):
        fits = requirement.specifier.contains(torch, prereleases=True)
        if requirement.name == "torch" and not fits:
            remedy = INSTALL.format("--upgrade --force-reinstall 'vpnet[cuda12]'")
            return (
                f"torchvision {torchvision} does not belong to torch {torch}, it needs "
                f"torch{requirement.specifier}: PAVER cannot run; {remedy}"
            )
    return None


def torchcodec_complaint(torch: str, torchcodec: str) -> str | None:
    """What is wrong where torchcodec was built for another torch, both given by version."""
    own = ".".join(torchcodec.split(".")[:2])
    built_for = BUILT_FOR.get(own, FIRST_TORCH if Version(torchcodec) >= FIRST_LASTING else None)
    if built_for is None:
        return None
    release = Version(torch).release[:2]
    wanted = Version(built_for).release
    if release == wanted or (built_for == FIRST_TORCH and release >= wanted):
        return None
    fitting = [
        name for name, its_torch in BUILT_FOR.items() if Version(its_torch).release == release
    ]
    package = f"'torchcodec=={fitting[-1]}.*'" if fitting else "--upgrade torchcodec"
    remedy = INSTALL.format(package)
    return (
        f"torchcodec {torchcodec} does not belong to torch {torch}: videos are decoded without it; "
        f"{remedy}"
    )


@cache
def warn_once(message: str) -> None:
    """Log a warning, once in the life of the process: every video would repeat it."""
    _LOGGER.warning(message)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
