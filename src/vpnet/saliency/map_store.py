"""Saliency maps that `predict.py predict=saliency` wrote, as a source for training."""

import logging
from collections.abc import Sequence
from pathlib import Path

from vpnet.errors import InputError
from vpnet.saliency.shown_maps import ShownMaps
from vpnet.saliency.store.reading import StoreFile

logger = logging.getLogger(__name__)

_SHARED = ("source", "weights", "seam", "height", "width")
"""Settings that the maps of all videos must share: else a model would learn the difference."""


class MapStore(ShownMaps):
    """Maps of a folder of ``<video>.h5`` files, with the true playback time of each.

    Args:
        path: The folder.
        lookahead_s: How far ahead of the anchor the map shown lies; in video on demand the frames
            to come are known, in live video set 0.

    Raises:
        InputError: The folder is missing.
    """

    def __init__(self, path: str | Path, lookahead_s: float = 1.0) -> None:
        super().__init__(path, lookahead_s, ".h5", self._open_alike)
        self._first: StoreFile | None = None
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

    def _open_alike(self, file: Path) -> StoreFile:
        """Open one file, made in the same way as the others."""
        store = StoreFile(file)
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
