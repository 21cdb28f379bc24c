"""The folder of a written simulated study, and the true saliency of its videos."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from vpnet.errors import InputError
from vpnet.simulation.videos import SimulatedVideo, saliency_maps
from vpnet.whole_files import whole_file, write_text

MARKER = "SIMULATED.txt"
"""File that says that a folder holds simulated data."""


def prepare_folder(root: Path, tables: Iterable[Path], videos: Sequence[SimulatedVideo]) -> None:
    """Make the folder of a study, or empty the folder of an earlier one.

    Args:
        root: The folder.
        tables: Files of recordings and questionnaires that may be written into it.
        videos: Videos whose saliency may be.

    Raises:
        InputError: The folder holds something else, or cannot be made.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: a simulated study needs a folder, found a file; name another")
    found = {path for path in root.rglob("*") if path.is_file()}
    if found and root / MARKER not in found:
        raise InputError(
            f"{root}: a simulated study is written into an empty folder, found "
            f"{min(found).relative_to(root)} and no {MARKER}; name another folder"
        )
    foreign = found - {root / MARKER, *tables, *saliency_files(root, videos)}
    if foreign:
        raise InputError(
            f"{root}: the folder holds a simulated study with files that this one would leave "
            f"behind, such as {min(foreign).relative_to(root)}; delete the folder or name another"
        )
    # Whatever a defect leaves out must not be there from before.
    for file in found - {root / MARKER}:
        file.unlink()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{root}: the folder cannot be made ({error.strerror}); name another"
        ) from error


FOLDER = "saliency"
CLOCK_FILE = "saliency.json"


def saliency_files(root: Path, videos: Sequence[SimulatedVideo]) -> list[Path]:
    """All files that `write_saliency` writes.

    Args:
        root: Folder of the study.
        videos: Its videos.
    """
    folder = root / FOLDER
    return [folder / CLOCK_FILE, *(folder / f"{video.video_id}.npy" for video in videos)]


def write_saliency(root: Path, videos: Sequence[SimulatedVideo], rate_hz: float) -> None:
    """Write the maps of each video, float16, and the clock that they share.

    Args:
        root: Folder of the study.
        videos: Its videos.
        rate_hz: Maps per second, positive.
    """
    clock_file, *map_files = saliency_files(root, videos)
    shown = list(zip(videos, map_files, strict=True))
    for video, map_file in track(shown, description="True saliency"):
        maps = saliency_maps(video, rate_hz).numpy().astype(np.float16)
        # Into an open file: given a path, numpy would add an ending of its own.
        with whole_file(map_file) as temporary, temporary.open("wb") as file:
            np.save(file, maps)
    write_text(clock_file, json.dumps({"rate_hz": rate_hz, "first_s": 0.0}) + "\n")
