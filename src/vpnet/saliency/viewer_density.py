"""Where the other viewers of a video look at each moment: a map made of recordings."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_directions
from vpnet.recordings.recording import Recording
from vpnet.saliency.viewing import viewing_by_video

_NOTHING = -60.0
"""Exponents below this count as this: near the smallest numbers exp is fifty times slower."""


class ViewerDensity:
    """Density of the viewers' directions at a moment, smoothed on the sphere.

    Every viewer adds a von Mises-Fisher kernel (concentration 1 / sigma^2), the normal distribution
    of the sphere. Viewers who ask are left out of their own maps, by their ids. In a small crowd
    every viewer shows; that is enough to tell how it lies against another crowd.

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
        self._concentration = 1 / math.radians(smoothing_deg) ** 2
        self._viewing = viewing_by_video(recordings, rate_hz)
        pixels = pixel_directions(height, 2 * height).reshape(-1, 3).T
        self._pixels = torch.cat((pixels, torch.ones_like(pixels[:1])))

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
        kernels = self._kernels(viewing.directions[:, steps], looking)
        everyone, viewers = kernels.sum(0), looking.sum(0)
        own_rows = [
            [row for row, watched in enumerate(viewing.user_ids) if watched == user_id]
            for user_id in user_ids
        ]
        maps = everyone.new_empty(1 + sum(map(bool, own_rows)), *everyone.shape)
        maps[0] = everyone
        filled = 1
        for user, rows in enumerate(own_rows):
            others = viewers - looking[rows].sum(0)
            which = filled if rows else 0
            index[user] = torch.where(
                others > 0, which * len(times_s) + torch.arange(len(times_s)), -1
            )
            if rows:
                # What is left of a large sum may fall below zero by rounding.
                torch.sub(everyone, kernels[rows].sum(0), out=maps[which]).clamp_(min=0)
                filled += 1
        return maps.reshape(-1, *size), index

    def _kernels(self, directions: Tensor, looking: Tensor) -> Tensor:
        """A kernel around each direction, or nothing, shape ``(users, times, pixels)``."""
        # The fourth coordinate carries the constant of the exponent: one product gives all of it.
        constant = torch.where(looking, -self._concentration, -torch.inf).unsqueeze(-1)
        exponent = torch.cat((self._concentration * directions, constant), dim=-1) @ self._pixels
        return exponent.clamp_(min=_NOTHING).exp_()
