"""Where the training viewers looked at this moment of this video: known once it was watched."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vpnet.saliency.crowd import Crowd
from vpnet.saliency.kernels import SphereKernel
from vpnet.saliency.maps import normalize_maps
from vpnet.saliency.source import TrainingDirections
from vpnet.settings import Folds, Rows, SmoothingDeg, checked

_MOMENTS_AT_ONCE = 64
"""Bounds the memory: with 48 viewers and 40 x 80 pixels these take 40 MB."""


@checked
class Behavioural:
    """Density of the training viewers' directions at a moment, whoever asks left out.

    Every viewer adds a `SphereKernel`. The maps of a viewer are made without that viewer's own
    data, rather than by taking it out of a sum, where rounding would leave a trace. Viewers of
    validation and test are never in it. Where nobody else watched there is no map.

    Args:
        smoothing_deg: Standard deviation of the kernel.
        height: Rows of a map; it is twice as wide.
        folds: See `vpnet.saliency.crowd.Crowd`.

    Raises:
        InputError: A setting is out of range.
    """

    def __init__(
        self, smoothing_deg: SmoothingDeg = 8.0, height: Rows = 40, folds: Folds | None = None
    ) -> None:
        self.smoothing_deg = smoothing_deg
        self.height = height
        self.maps_by_moment = folds is not None
        self._kernel = SphereKernel(smoothing_deg, height)
        self._crowd = Crowd(folds)

    def fit(self, training: TrainingDirections) -> None:
        """Keep the directions of the training viewers, by video and viewer."""
        self._crowd.fit(training)

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Say who watches in each recording and which video."""
        self._crowd.bind(user_ids, video_ids)

    def has_companions(self, recording: int) -> bool:
        """Whether anybody else watched the video of a bound recording."""
        return self._crowd.has_companions(recording)

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """The densities of the others at ``time_s``."""
        step = (time_s.double() * self._crowd.rate_hz + 1e-6).floor().long()
        asked = torch.stack((self._crowd.same_crowd[recording_index], step), dim=1)
        distinct, index = torch.unique(asked, dim=0, return_inverse=True)
        maps, row_of = [], torch.full((len(distinct),), -1)
        found = 0
        for rows in torch.arange(len(distinct)).split(_MOMENTS_AT_ONCE):
            directions, seen = self._crowd.look_up(distinct[rows, 0], distinct[rows, 1:])
            looked_at = seen.any(dim=(1, 2))
            row_of[rows[looked_at]] = found + torch.arange(int(looked_at.sum()))
            found += int(looked_at.sum())
            maps.append(self._density(directions[looked_at, :, 0]))
        size = (self.height, 2 * self.height)
        if found == 0:
            return torch.zeros(0, *size), torch.full_like(recording_index, -1)
        return normalize_maps(torch.cat(maps).unflatten(1, size)), row_of[index]

    def state(self) -> dict[str, Tensor]:
        """The training viewers' directions."""
        return self._crowd.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` gave.

        Raises:
            InputError: The state is that of another source.
        """
        self._crowd.load_state(state)

    def _density(self, directions: Tensor) -> Tensor:
        """Sum of the kernels around ``(moments, viewers, 3)`` directions, ``(moments, pixels)``."""
        return self._kernel.around(directions, directions.any(dim=-1)).sum(dim=1)
