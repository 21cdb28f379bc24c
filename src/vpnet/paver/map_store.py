"""Saliency maps that `predict.py predict=saliency` wrote, as a source for training."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.paver.map_file import MapFile
from vpnet.saliency.map_files import MapFiles, VideoMaps
from vpnet.saliency.salient_points import map_points
from vpnet.settings import checked

logger = logging.getLogger(__name__)

_SHARED = ("source", "weights", "seam", "height", "width", "weighting")
"""Settings that the maps of all videos must share: else a model would learn the difference."""


@checked
class MapStore(MapFiles):
    """Maps of a folder of ``<video>.h5`` files, with the true playback time of each.

    Args:
        path: Folder of <video>.h5 files, as predict.py predict=saliency writes it.

    Raises:
        InputError: The folder is missing.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, ".h5", self._open_alike)
        self._first: MapFile | None = None
        if not self.path.is_dir():
            raise InputError(
                f"saliency.path={self.path}: no such folder; `python predict.py predict=saliency` "
                "writes one"
            )

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Open the maps of the videos that the recordings show; a missing one is masked.

        Raises:
            InputError: No video has maps, or they were made in different ways.
        """
        self._first = None
        super().bind(user_ids, video_ids)
        if self._first is not None and self._first.settings["weights"].startswith("random-"):
            logger.warning(
                "%s: these maps were made with random weights and mean nothing", self.path
            )

    def look_up_points(
        self, recording_index: Tensor, time_s: Tensor, weighting: str
    ) -> tuple[Tensor, Tensor]:
        """Salient points of the maps displayed at ``time_s``.

        Those stored with the maps, of the maps at full size, where they were chosen with the same
        weighting; else points of the maps as they are kept.

        Args:
            recording_index: Shape ``(batch,)``.
            time_s: Playback times, ``(batch,)``.
            weighting: Of the points, ``none`` or ``solid_angle``.

        Returns:
            Points x, y, z, s, ``(maps, points, 4)``, and each window's row or -1, ``(batch,)``.
        """
        if self._first is None or self._first.settings.get("weighting", "none") != weighting:
            maps, index = self.look_up(recording_index, time_s)
            return map_points(maps, weighting=weighting), index
        points, index = self._look_up(recording_index, time_s, _stored_points)
        return torch.cat(points) if points else torch.zeros(0, 128, 4), index

    def _open_alike(self, file: Path) -> MapFile:
        """Open one file, made in the same way as the others."""
        store = MapFile(file)
        if self._first is None:
            self._first = store
        differing = [
            f"{name} is {store.settings.get(name)!r} and {self._first.settings.get(name)!r}"
            for name in _SHARED
            if store.settings.get(name) != self._first.settings.get(name)
        ]
        if differing:
            raise InputError(
                f"{file} and {self._first.path} were made in different ways: "
                f"{'; '.join(differing)}; make them alike, in one folder"
            )
        return store


def _stored_points(video: VideoMaps, rows: list[int]) -> Tensor:
    return cast(MapFile, video).points(rows)
