"""Where the other viewers of a video look at each moment: a map made of recordings."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.recordings.recording import Recording
from vpnet.saliency.kernels import SphereKernel
from vpnet.saliency.viewing import viewing_by_video

_SAMPLES_AT_ONCE = 256
"""Bounds the memory: the kernels of a viewer at one moment take 29 KB at the usual height."""


class ViewerDensity:
    """Density of the viewers' directions at a moment, smoothed on the sphere.

    Every viewer adds a `SphereKernel`. Viewers who ask are left out of their own maps, by their
    ids. In a small crowd every viewer shows; that is enough to tell how it lies against another
    crowd.

    Args:
        recordings: Of viewers whose directions are those of the video's frame.
        rate_hz: Moments per second at which maps are asked for.
        smoothing_deg: Standard deviation of the kernel.
        height: Rows of a map; it is twice as wide.

    Raises:
        InputError: A setting is not positive.
    """

    def __init__(
        self,
        recordings: Iterable[Recording],
        rate_hz: float = 5.0,
        smoothing_deg: float = 5.0,
        height: int = 60,
    ) -> None:
        if min(smoothing_deg, height) <= 0:
            raise InputError(
                f"smoothing_deg and height must be positive, got {smoothing_deg} and {height}"
            )
        self.rate_hz = rate_hz
        self.height = height
        self._kernel = SphereKernel(smoothing_deg, height)
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
        """The densities of all viewers but the one who asks; none where nobody else looks."""
        index = torch.full((len(user_ids), len(times_s)), -1)
        size = (self.height, 2 * self.height)
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
        left_out = [rows for rows in own_rows if rows]
        which = 0
        for user, rows in enumerate(own_rows):
            others = viewers - looking[rows].sum(0)
            which += bool(rows)
            own = (which if rows else 0) * len(times_s)
            index[user] = torch.where(others > 0, own + torch.arange(len(times_s)), -1)
        maps = torch.empty(1 + len(left_out), len(times_s), self._kernel.pixels)
        # A viewer who does not ask has a kernel all the same, and one of several who ask a map.
        batch = max(1, _SAMPLES_AT_ONCE // max(len(user_ids), len(viewing.user_ids)))
        for at in torch.arange(len(times_s)).split(batch):
            kernels = self._kernel.around(viewing.directions[:, steps[at]], looking[:, at])
            everyone = kernels.sum(0)
            maps[0, at] = everyone
            for row, rows in enumerate(left_out, start=1):
                # What is left of a large sum may fall below zero by rounding.
                maps[row, at] = (everyone - kernels[rows].sum(0)).clamp_(min=0)
        return maps.reshape(-1, *size), index
