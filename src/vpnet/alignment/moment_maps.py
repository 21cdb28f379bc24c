"""Maps of the moments of a video, for whoever compares viewing with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.saliency.map_folder import MapFolder


class MomentMaps(Protocol):
    """Says where looking is likely at moments of a video, a viewer's own looking left out."""

    def bind(self, video_ids: Sequence[str]) -> None:
        """Say which videos will be asked for, before the first `look_up`."""
        ...

    def look_up(
        self, video_id: str, user_ids: Sequence[str], times_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Maps of a video at playback times, shape ``(times,)``.

        Returns:
            Non-negative maps, float32, ``(maps, height, width)``, all of one size, and the map of
            each viewer and time or -1 where there is none, ``(users, times)``.
        """
        ...


class FolderMaps:
    """The maps of a folder, which are the same for everybody, see `MapFolder`.

    Args:
        path: The folder: ``<video_id>.npy`` files and ``saliency.json``.

    Raises:
        InputError: The folder or its saliency.json is missing or wrong.
    """

    def __init__(self, path: str | Path) -> None:
        self._folder = MapFolder(path)
        self._number: dict[str, int] = {}

    def bind(self, video_ids: Sequence[str]) -> None:
        """Open the maps of the videos; for those without any there is no map.

        Raises:
            InputError: There are none for any video, or a file is not as `MapFolder` says.
        """
        path = self._folder.path
        if not any((path / f"{video_id}.npy").is_file() for video_id in video_ids):
            raise InputError(
                f"{path}: no maps for any video of the recordings ({', '.join(video_ids[:5])}, "
                "...); name the files <video>.npy"
            )
        self._folder.bind([""] * len(video_ids), video_ids)
        self._number = {video_id: number for number, video_id in enumerate(video_ids)}

    def look_up(
        self, video_id: str, user_ids: Sequence[str], times_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The maps that stand at the times."""
        number = torch.full(times_s.shape, self._number[video_id])
        maps, index = self._folder.look_up(number, times_s)
        return maps, index.expand(len(user_ids), -1)
