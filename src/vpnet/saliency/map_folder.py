"""Maps of videos on disk: a folder with a file of maps for each video."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.saliency.maps import normalize_maps
from vpnet.saliency.source import TrainingDirections
from vpnet.settings import checked

logger = logging.getLogger(__name__)

_TOLERANCE_S = 1e-3
"""Absorbs rounding where a time is that of a frame; files give times in milliseconds."""


class VideoMaps(Protocol):
    """The maps of one video."""

    times_s: Tensor
    """Playback times, ascending, float64, ``(maps,)``."""
    complete_s: Tensor
    """When the last frame that each was made of was shown, ascending, float64, ``(maps,)``."""
    size: tuple[int, int]
    """Rows and columns of a map."""

    def maps(self, rows: Sequence[int]) -> Tensor:
        """Some maps, float32, ``(rows, height, width)``; rows ascending."""
        ...


class MapFiles:
    """Looks up the map that is displayed at a time, whatever the files are.

    A map is displayed until the next one, the last one for good; before the first there is none.

    Args:
        path: The folder.
        suffix: Of the files; the name before it is the video's id.
        open_maps: Opens a file.

    Attributes:
        only_complete: Display a map when the last frame that it was made of was shown, instead of
            at its own time: for live video.
    """

    maps_by_moment = True
    only_complete = False

    def __init__(
        self,
        path: str | Path,
        suffix: str,
        open_maps: Callable[[Path], VideoMaps],
    ) -> None:
        self.path = Path(path)
        self._suffix = suffix
        self._open_maps = open_maps
        self._videos: list[VideoMaps] = []
        self._map_of_recording = torch.empty(0, dtype=torch.long)
        self._times_s = torch.empty(0, dtype=torch.float64)
        self._first_key = torch.zeros(1, dtype=torch.long)

    def fit(self, training: TrainingDirections) -> None:
        """Nothing to learn: the maps are given."""

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Open the maps of the videos that the recordings show; a missing one is masked.

        Raises:
            InputError: No video has maps, or they differ in size.
        """
        number: dict[str, int] = {}
        self._videos, missing = [], []
        for video_id in dict.fromkeys(video_ids):
            file = self.path / f"{video_id}{self._suffix}"
            if not file.is_file():
                missing.append(video_id)
                continue
            number[video_id] = len(self._videos)
            self._videos.append(self._open_maps(file))
        if not number:
            raise InputError(
                f"{self.path}: no maps for any video of the data ({', '.join(missing[:5])}, ...); "
                f"name the files <video>{self._suffix}, or set saliency=none"
            )
        sizes = {video.size for video in self._videos}
        if len(sizes) > 1:
            raise InputError(f"{self.path}: maps must all have one size, found {sorted(sizes)}")
        if missing:
            logger.warning(
                "%s: no saliency maps for %d videos (%s); masked there",
                self.path,
                len(missing),
                ", ".join(missing[:5]),
            )
        self._map_of_recording = torch.tensor([number.get(video, -1) for video in video_ids])
        frames = torch.tensor([len(video.times_s) for video in self._videos])
        self._first_key = torch.nn.functional.pad(frames.cumsum(0), (1, 0))

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """The saliency maps displayed at ``time_s``; one that is needed several times is read once.

        Raises:
            InputError: A map holds a negative value, or one that is not finite.
        """
        maps, index = self._look_up(recording_index, time_s, self._read)
        if not maps:
            return torch.zeros(0, *self._videos[0].size), index
        return normalize_maps(torch.cat(maps)), index

    def _look_up(
        self,
        recording_index: Tensor,
        time_s: Tensor,
        read: Callable[[VideoMaps, list[int]], Tensor],
    ) -> tuple[list[Tensor], Tensor]:
        """Results of ``read`` for the distinct rows, and each window's row in them."""
        video = self._map_of_recording[recording_index]
        shown_s = time_s.double() + _TOLERANCE_S
        key = torch.full_like(video, -1)
        found, known = [], []
        for number in torch.unique(video[video >= 0]).tolist():
            wanted = video == number
            # Not the nearest frame, which may be one to come.
            opened = self._videos[number]
            times_s = opened.complete_s if self.only_complete else opened.times_s
            frame = torch.searchsorted(times_s, shown_s[wanted], right=True) - 1
            key[wanted] = torch.where(frame >= 0, self._first_key[number] + frame, -1)
            rows = torch.unique(frame[frame >= 0])
            if len(rows) > 0:
                known.append(self._first_key[number] + rows)
                found.append(read(self._videos[number], rows.tolist()))
        if not found:
            return found, key
        return found, torch.where(key >= 0, torch.searchsorted(torch.cat(known), key), -1)

    def state(self) -> dict[str, Tensor]:
        """Nothing was learned."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Nothing to restore."""

    def _read(self, video: VideoMaps, rows: list[int]) -> Tensor:
        maps = video.maps(rows)
        if not (maps.isfinite().all() and (maps >= 0).all()):
            wrong = ~((maps >= 0) & maps.isfinite()).flatten(1).all(1)
            at = int(wrong.nonzero()[0])
            raise InputError(
                f"{getattr(video, 'path', self.path)}: saliency must be finite and not negative, "
                f"frame {rows[at]} holds values from {maps[at].min():g} to {maps[at].max():g}; "
                "write the file again"
            )
        return maps


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
class MapFolder(MapFiles):
    """Maps of a folder: ``<video_id>.npy``, shape ``(frames, height, width)``, any real type.

    ``saliency.json`` in it holds ``rate_hz`` and ``first_s``, the playback time of frame 0.
    The files are memory-mapped: only the frames that a batch looks at are read.

    Args:
        path: Folder of <video>.npy files, each of shape (frames, height, width), and of a
            saliency.json with their rate_hz and first_s.

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
