"""Maps of the moments of a video: from a folder, or from where other viewers looked."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.recordings.recording import Recording
from vpnet.saliency.map_folder import MapFolder
from vpnet.saliency.maps import SphereKernel
from vpnet.saliency.viewing import viewing_by_video

SMOOTHING_DEG = 5.0
"""Standard deviation of the kernel around a viewer's direction."""

HEIGHT = 60
"""Rows of a map of viewers; it is twice as wide."""

_SAMPLES_AT_ONCE = 256
"""Bounds the memory: the kernels of a viewer at one moment take 29 KB."""


class MomentMaps(Protocol):
    """Where viewers are likely to look at moments of a video, leave-one-viewer-out."""

    def bind(self, video_ids: Sequence[str]) -> None:
        """Name the videos, before the first `look_up`."""
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
    """The maps of a folder, the same for every viewer.

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
        """The maps displayed at the times."""
        number = torch.full(times_s.shape, self._number[video_id])
        maps, index = self._folder.look_up(number, times_s)
        return maps, index.expand(len(user_ids), -1)


class ViewerDensity:
    """Density of the viewers' directions at a moment, smoothed on the sphere.

    Every viewer adds a `SphereKernel`. Maps are leave-one-viewer-out, by the viewers' ids. In a
    small crowd every viewer can be seen; that suffices to align it with another crowd.

    Args:
        recordings: Of viewers whose directions are those of the video's frame.
        rate_hz: Moments per second at which there are maps.

    Raises:
        InputError: The rate is not positive.
    """

    def __init__(self, recordings: Iterable[Recording], rate_hz: float = 5.0) -> None:
        self.rate_hz = rate_hz
        self._kernel = SphereKernel(SMOOTHING_DEG, HEIGHT)
        self._viewing = viewing_by_video(recordings, rate_hz)

    def bind(self, video_ids: Sequence[str]) -> None:
        """Check that some of the videos were watched by these viewers.

        Raises:
            InputError: None was.
        """
        if not set(video_ids) & self._viewing.keys():
            raise InputError(
                "the two sets of recordings must share videos, by their ids; these are "
                f"{', '.join(list(video_ids)[:5])}, ... and those "
                f"{', '.join(list(self._viewing)[:5])}, ...; check the folders' names"
            )

    def look_up(
        self, video_id: str, user_ids: Sequence[str], times_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The densities of all viewers but the queried one; none where nobody else looks."""
        index = torch.full((len(user_ids), len(times_s)), -1)
        size = (HEIGHT, 2 * HEIGHT)
        if video_id not in self._viewing:
            return torch.zeros(0, *size), index
        viewing = self._viewing[video_id]
        steps = (times_s * self.rate_hz).round().long()
        known = (steps >= 0) & (steps < viewing.valid.shape[1])
        steps = steps.clamp(0, viewing.valid.shape[1] - 1)
        looking = viewing.valid[:, steps] & known
        viewers = looking.sum(0)
        own_rows = [
            [row for row, watched in enumerate(viewing.user_ids) if watched == user_id]
            for user_id in user_ids
        ]
        # The first maps are everybody's; then come those without one of the viewers.
        left_out = [rows for rows in own_rows if rows]
        for user, rows in enumerate(own_rows):
            others = viewers - looking[rows].sum(0)
            own = (1 + left_out.index(rows) if rows else 0) * len(times_s)
            index[user] = torch.where(others > 0, own + torch.arange(len(times_s)), -1)
        maps = torch.empty(1 + len(left_out), len(times_s), self._kernel.pixels)
        # Memory: a kernel for each viewer of these recordings, a map for each queried viewer.
        batch = max(1, _SAMPLES_AT_ONCE // max(len(user_ids), len(viewing.user_ids)))
        for at in torch.arange(len(times_s)).split(batch):
            kernels = self._kernel.around(viewing.directions[:, steps[at]], looking[:, at])
            everyone = kernels.sum(0)
            maps[0, at] = everyone
            for row, rows in enumerate(left_out, start=1):
                # What is left of a large sum may fall below zero by rounding.
                maps[row, at] = (everyone - kernels[rows].sum(0)).clamp_(min=0)
        return maps.reshape(-1, *size), index
