"""Saliency maps from files: any array of maps, one file a video, read window by window."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.saliency.maps import normalize_maps

logger = logging.getLogger(__name__)

_TOLERANCE_FRAMES = 1e-6
"""Absorbs rounding where a time is that of a frame."""


class MapFolder:
    """Maps of a folder: ``<video_id>.npy``, shape ``(frames, height, width)``, any real type.

    ``saliency.json`` beside them holds ``rate_hz`` and ``first_s``, the playback time of frame 0.
    The files are memory-mapped: only the frames that a batch looks at are read. A frame stands
    until the next one, the last one for good; before the first there is none.

    Args:
        path: The folder.
        lookahead_s: How far ahead of the anchor the map shown lies; in video on demand the frames
            to come are known, in live video set 0.

    Raises:
        InputError: The folder or its saliency.json is missing or not as above.
    """

    def __init__(self, path: str | Path, lookahead_s: float = 1.0) -> None:
        self.path = Path(path)
        self.lookahead_s = lookahead_s
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
        self._files: list[Path] = []
        self._maps: list[np.ndarray] = []
        self._map_of_recording = torch.empty(0, dtype=torch.long)
        self._first_key = torch.empty(0, dtype=torch.long)

    def fit(self, viewport_centers: Tensor) -> None:
        """Nothing to learn: the maps are given."""

    def bind(self, video_ids: Sequence[str]) -> None:
        """Open the maps of the videos that the recordings show; a missing one is masked."""
        number: dict[str, int] = {}
        self._files, self._maps, missing = [], [], []
        for video_id in dict.fromkeys(video_ids):
            file = self.path / f"{video_id}.npy"
            if not file.is_file():
                missing.append(video_id)
                continue
            number[video_id] = len(self._maps)
            self._files.append(file)
            self._maps.append(_open_maps(file))
        if not number:
            raise InputError(
                f"{self.path}: no maps for any video of the data ({', '.join(missing[:5])}, ...); "
                "name the files <video>.npy, or set saliency=none"
            )
        sizes = {maps.shape[1:] for maps in self._maps}
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
        frames = torch.tensor([len(maps) for maps in self._maps])
        self._first_key = torch.nn.functional.pad(frames.cumsum(0), (1, 0))

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """The frames that stand at ``time_s`` plus the lookahead, each read once.

        Raises:
            InputError: A frame holds a negative value, or one that is not finite.
        """
        video = self._map_of_recording[recording_index]
        shown_s = time_s.double() + self.lookahead_s - self.first_s
        # Not the nearest frame, which may be one to come.
        frame = (shown_s * self.rate_hz + _TOLERANCE_FRAMES).floor().long()
        shown = (video >= 0) & (frame >= 0)
        video = video.clamp(min=0)
        frame = torch.minimum(frame, self._first_key.diff()[video] - 1)
        key = torch.where(shown, self._first_key[video] + frame, -1)
        known = torch.unique(key[key >= 0])
        height, width = self._maps[0].shape[1:]
        maps = np.empty((len(known), height, width), dtype=np.float32)
        file = torch.searchsorted(self._first_key, known, right=True) - 1
        for row, (number, at) in enumerate(
            zip(file.tolist(), (known - self._first_key[file]).tolist(), strict=True)
        ):
            maps[row] = self._maps[number][at]
            if not (np.isfinite(maps[row]).all() and (maps[row] >= 0).all()):
                raise InputError(
                    f"{self._files[number]}: saliency must be finite and not negative, frame {at} "
                    f"holds values from {maps[row].min():g} to {maps[row].max():g}; write the file "
                    "again"
                )
        index = torch.where(key >= 0, torch.searchsorted(known, key), -1)
        return normalize_maps(torch.from_numpy(maps)), index

    def state(self) -> dict[str, Tensor]:
        """Nothing was learned."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Nothing to restore."""


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
