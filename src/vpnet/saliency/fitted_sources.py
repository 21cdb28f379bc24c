"""Sources of saliency that are fitted on where the training viewers looked."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_directions, pixel_from_direction
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.maps import SphereKernel, normalize_maps
from vpnet.saliency.source import TrainingDirections
from vpnet.settings import Columns, Folds, Rows, SmoothingDeg, checked

_MOMENTS_AT_ONCE = 64
"""Bounds the memory: with 48 viewers and 40 x 80 pixels these take 40 MB."""


@checked
class CenterBias:
    """Centre bias: where the training viewers looked, whatever the video showed.

    It is one map for every video and moment: the smoothed density of the training directions.

    The density is a histogram over the map's pixels, smoothed on the sphere by a von Mises-Fisher
    kernel, so that the seam and the poles need no special case.

    Args:
        height: Rows of the map in pixels.
        width: Columns of the map in pixels.
        smoothing_deg: Standard deviation sigma of the smoothing kernel in degrees; its
            concentration is 1 / sigma^2.
    """

    maps_by_moment = False

    def __init__(
        self, height: Rows = 120, width: Columns = 240, smoothing_deg: SmoothingDeg = 8.0
    ) -> None:
        self.height = height
        self.width = width
        self.smoothing_deg = smoothing_deg
        self.map = torch.ones(height, width)

    def fit(self, training: TrainingDirections) -> None:
        """Learn the density of the training part's directions."""
        row, column = pixel_from_direction(training.directions, self.height, self.width)
        pixel = (row.round().long().clamp(0, self.height - 1) * self.width) + (
            column.round().long() % self.width
        )
        count = torch.bincount(pixel, minlength=self.height * self.width)
        seen = torch.nonzero(count).squeeze(1)
        directions = pixel_directions(self.height, self.width).reshape(-1, 3)
        concentration = 1 / torch.deg2rad(torch.tensor(self.smoothing_deg)) ** 2
        density = torch.zeros(self.height * self.width)
        # In pieces: the whole kernel matrix of a 120 x 240 map would take 3 GB.
        for piece in seen.split(512):
            cosine = directions @ directions[piece].T
            density += torch.exp(concentration * (cosine - 1)) @ count[piece].to(density)
        self.map = normalize_maps(density.reshape(self.height, self.width))

    def bind(self, user_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        """Nothing to bind: the map is the same for every video."""

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """The one map, and index 0 for every window."""
        return self.map.unsqueeze(0), torch.zeros_like(recording_index)

    def state(self) -> dict[str, Tensor]:
        """The fitted map."""
        return {"map": self.map}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore a fitted map.

        Raises:
            InputError: There is none: the state is that of another source; or it is no map of
                this size.
        """
        if "map" not in state:
            raise InputError(
                "the checkpoint holds no fitted centre bias: it was trained with another source of "
                "saliency; leave saliency=center_bias out"
            )
        found, size = state["map"], (self.height, self.width)
        if len(state) > 1 or found.shape != size or found.dtype != torch.float32:
            raise InputError(
                f"the centre bias of the checkpoint must be one float32 map of {size}, "
                f"got {found.dtype} of {tuple(found.shape)}"
            )
        if not (found >= 0).all():
            raise InputError("the centre bias of the checkpoint must not be negative anywhere")
        self.map = found


@checked
class Behavioural(Crowd):
    """Density of the training viewers' directions at a moment, leave-one-viewer-out.

    Every viewer adds a `SphereKernel`. The map of a viewer is computed without that viewer's own
    data: subtracted from a sum, rounding would leave a trace. Viewers of validation and test are
    never in it. Where nobody else watched there is no map.

    Args:
        smoothing_deg: Standard deviation of the smoothing kernel in degrees. On the data sets of
            Wu, David and Xu, 8 predicts a viewer left out best.
        height: Rows of a map in pixels; it is twice as wide.
        folds: Groups of training viewers; the map of a viewer leaves out the viewer's whole group.
            Few groups (2 to 4) give few different maps per moment, which models encode once for all
            viewers. null leaves out the viewer alone: then fusion encodes a map per second of
            horizon for each window, track and star_vp one per step, which is slow.
    """

    def __init__(
        self, smoothing_deg: SmoothingDeg = 8.0, height: Rows = 40, folds: Folds | None = None
    ) -> None:
        super().__init__(folds)
        self.smoothing_deg = smoothing_deg
        self.height = height
        self.maps_by_moment = folds is not None
        self._kernel = SphereKernel(smoothing_deg, height)

    def look_up(self, recording_index: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """The densities of the others at ``time_s``."""
        step = (time_s.double() * self.rate_hz + 1e-6).floor().long()
        wanted = torch.stack((self.same_crowd[recording_index], step), dim=1)
        distinct, index = torch.unique(wanted, dim=0, return_inverse=True)
        maps, row_of = [], torch.full((len(distinct),), -1)
        found = 0
        for rows in torch.arange(len(distinct)).split(_MOMENTS_AT_ONCE):
            directions, seen = self.directions_at(distinct[rows, 0], distinct[rows, 1:])
            looked_at = seen.any(dim=(1, 2))
            row_of[rows[looked_at]] = found + torch.arange(int(looked_at.sum()))
            found += int(looked_at.sum())
            directions = directions[looked_at, :, 0]
            # (moments, viewers, 3) to one kernel a viewer, and their sum, (moments, pixels)
            maps.append(self._kernel.around(directions, directions.any(dim=-1)).sum(dim=1))
        size = (self.height, 2 * self.height)
        if found == 0:
            return torch.zeros(0, *size), torch.full_like(recording_index, -1)
        return normalize_maps(torch.cat(maps).unflatten(1, size)), row_of[index]
