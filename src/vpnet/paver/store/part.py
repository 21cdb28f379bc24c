"""Some maps of a video in the form in which they are kept."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from vpnet.errors import InputError
from vpnet.whole_files import whole_file

DTYPES = ("uint8", "float16")
"""How maps can be kept."""


class StorePart(NamedTuple):
    """Maps of some frames, in order."""

    frame_index: np.ndarray
    """Numbers of the frames in the video, int64, ``(maps,)``."""
    times_s: np.ndarray
    """Their playback times, float64, ``(maps,)``."""
    maps: np.ndarray
    """In 0 to 255 (uint8) or 0 to 1 (float16), ``(maps, height, width)``."""
    scores: np.ndarray
    """Of the network's patches, float32, ``(maps, rows, columns)``: what the maps were made of."""
    point_pixels: np.ndarray
    """Salient points as pixels of the map at full size, uint32, ``(maps, points)``."""
    point_values: np.ndarray
    """The map's values there, float16, ``(maps, points)``."""


def encode_maps(maps: Tensor, dtype: str) -> np.ndarray:
    """Maps in [0, 1] as they are kept.

    Args:
        maps: Shape ``(maps, height, width)``.
        dtype: ``uint8``, in steps of 1 / 255, or ``float16``.

    Raises:
        InputError: The type is another.
    """
    if dtype == "uint8":
        return (maps.clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    if dtype == "float16":
        return maps.clamp(0, 1).numpy().astype(np.float16)
    raise InputError(f"dtype must be {' or '.join(DTYPES)}, got {dtype!r}")


def write_part(path: Path, part: StorePart) -> None:
    """Keep a part, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **part._asdict())


def read_part(path: Path) -> StorePart | None:
    """What `write_part` kept; None where the file is damaged."""
    try:
        # Opened here, since numpy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return StorePart(**{name: file[name] for name in StorePart._fields})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
