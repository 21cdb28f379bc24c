"""Maps and weights for the measures."""

from collections.abc import Callable

import pytest
import torch

from vpnet.geometry.equirectangular import solid_angle_weights


@pytest.fixture(scope="session")
def weights_of() -> Callable[[str, int, int], torch.Tensor]:
    """Function that gives pixel weights by the name of a weighting."""

    def make(weighting: str, height: int, width: int) -> torch.Tensor:
        if weighting == "solid_angle":
            return solid_angle_weights(height, width, torch.float64)
        return torch.full((height, width), 1 / (height * width), dtype=torch.float64)

    return make
