"""The true saliency of simulated videos as files that `vpnet.saliency.map_folder` reads."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from vpnet.simulation.videos import SimulatedVideo, saliency_maps
from vpnet.whole_files import whole_file, write_text

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
