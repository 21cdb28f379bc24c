"""Centre bias: where the training users looked, whatever the video showed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_directions, pixel_from_direction
from vpnet.saliency.maps import normalize_maps
from vpnet.saliency.source import TrainingDirections
from vpnet.settings import Columns, Rows, SmoothingDeg, checked


@checked
class CenterBias:
    """One map for every video and moment: the smoothed density of the training directions.

    The density is a histogram over the map's pixels, smoothed on the sphere by a von Mises-Fisher
    kernel, so that the seam and the poles need no care.

    Args:
        height: Rows of the map.
        width: Columns of the map.
        smoothing_deg: Standard deviation of the kernel (concentration 1 / sigma^2).

    Raises:
        InputError: One of them is not positive.
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
            InputError: There is none: the state is that of another source.
        """
        if "map" not in state:
            raise InputError(
                "the checkpoint holds no fitted centre bias: it was trained with another source of "
                "saliency; leave saliency=center_bias out"
            )
        self.map = state["map"]
