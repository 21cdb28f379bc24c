"""The NVIDIA card of this machine and its driver, found without torch."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc/driver/nvidia")
"""Where Linux's driver says what it found."""

TIMEOUT_S = 2.0
"""nvidia-smi answers in a tenth of a second, or hangs where the driver does."""


class Card(NamedTuple):
    """A card that the driver knows."""

    name: str
    """What its maker calls it, as ``NVIDIA GeForce RTX 3090``."""
    driver: str
    """Version of the driver, as ``550.90.07``."""

    @property
    def driver_major(self) -> int:
        """The first number of the driver's version; 0 where it is unknown."""
        first = self.driver.partition(".")[0]
        return int(first) if first.isdecimal() else 0


@cache
def find_card(proc: Path = PROC) -> Card | None:
    """The first card of this machine; None where there is none, or no driver for it.

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
    if driver is None or name is None:
        return None
    return Card(name[1], driver[1])


def _card_of_command() -> Card | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        ended = subprocess.run(
            query, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    first = ended.stdout.strip().split("\n")[0].rsplit(",", 1)
    # Without a driver it says so on the same output, and fails.
    if ended.returncode != 0 or len(first) != 2:
        return None
    return Card(first[0].strip(), first[1].strip())
