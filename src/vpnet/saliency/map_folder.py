"""Saliency maps from files: any array of maps, one file a video, read window by window."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.saliency.shown_maps import ShownMaps
from vpnet.settings import checked


class ArrayMaps:
    """The maps of one video in a .npy file, memory-mapped.

    Args:
        path: The file.
        rate_hz: Maps per second of playback.
        first_s: Playback time of the first.

    Raises:
        InputError: The file holds something else.
    """

    def __init__(self, path: Path, rate_hz: float, first_s: float) -> None:
        self.path = path
        self._maps = _open_maps(path)
        self.size: tuple[int, int] = self._maps.shape[1:]
        self.times_s = first_s + torch.arange(len(self._maps), dtype=torch.float64) / rate_hz
        # Nothing is known of how they were made.
        self.complete_s = self.times_s

    def maps(self, rows: Sequence[int]) -> Tensor:
        """Some maps, float32, ``(rows, height, width)``."""
        maps = np.empty((len(rows), *self.size), dtype=np.float32)
        for at, row in enumerate(rows):
            maps[at] = self._maps[row]
        return torch.from_numpy(maps)


@checked
class MapFolder(ShownMaps):
    """Maps of a folder: ``<video_id>.npy``, shape ``(frames, height, width)``, any real type.

    ``saliency.json`` beside them holds ``rate_hz`` and ``first_s``, the playback time of frame 0.
    The files are memory-mapped: only the frames that a batch looks at are read.

    Args:
        path: The folder.

    Raises:
        InputError: The folder or its saliency.json is missing or not as above.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, ".npy", self._open_array)
        description = self.path / "saliency.json"
        if not description.is_file():
            raise InputError(
                f"{description}: a folder of saliency maps holds <video>.npy files and a "
                'saliency.json such as {"rate_hz": 5.0, "first_s": 0.0}; none found; check '
                "saliency.path (in predict.py: saliency_path)"
            )
        try:
            content = json.loads(description.read_text(encoding="utf-8"))
            self.rate_hz = float(content["rate_hz"])
            self.first_s = float(content.get("first_s", 0.0))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{description}: must be a JSON object with the number rate_hz (and first_s): "
                f"{error!r}"
            ) from error
        if not self.rate_hz > 0:
            raise InputError(f"{description}: rate_hz must be positive, got {self.rate_hz:g}")

    def _open_array(self, file: Path) -> ArrayMaps:
        """Open one file."""
        return ArrayMaps(file, self.rate_hz, self.first_s)


def _open_maps(file: Path) -> np.ndarray:
    try:
        maps = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{file}: not a .npy array of numbers: {error}") from error
    if not isinstance(maps, np.ndarray):
        raise InputError(f"{file}: holds several arrays; save one with numpy.save")
    if maps.ndim != 3 or len(maps) == 0 or maps.dtype.kind not in "fui":
        raise InputError(
            f"{file}: maps must have shape (frames, height, width) and a real type, "
            f"got {maps.shape} and {maps.dtype}"
        )
    return maps
