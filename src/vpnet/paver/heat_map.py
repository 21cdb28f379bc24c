"""From the scores of the patches to a map: a bump around each patch, on the sphere."""

import math

import torch
from torch import Tensor, nn

from vpnet.paver.sphere_patches import COLUMNS, HEIGHT, ROWS, WIDTH

SIGMA_PIXELS = 16
"""Standard deviation of a bump: 12.86 degrees."""


def heat_map_basis() -> Tensor:
    """The bump of each patch, float32, ``(392, 224, 448)``.

    von Mises-Fisher kernels around the regular patch centres, weighted by the patches' area. Row
    y stands for the elevation pi / 2 - pi y / 224 and column x for 2 pi x / 448, without half a
    pixel, as published.
    """
    concentration = WIDTH**2 / (4 * math.pi**2 * SIGMA_PIXELS**2)
    row = torch.arange(ROWS, dtype=torch.float64).reshape(ROWS, 1, 1, 1)
    column = torch.arange(COLUMNS, dtype=torch.float64).reshape(1, COLUMNS, 1, 1)
    y = torch.arange(HEIGHT, dtype=torch.float64).reshape(1, 1, HEIGHT, 1)
    x = torch.arange(WIDTH, dtype=torch.float64).reshape(1, 1, 1, WIDTH)
    center = (2 * row + 1 - ROWS) * math.pi / COLUMNS
    at = -math.pi / 2 + math.pi * y / HEIGHT
    apart = 2 * math.pi * x / WIDTH - (2 * column + 1) * math.pi / COLUMNS
    cosine = torch.sin(at) * torch.sin(center)
    cosine = cosine + torch.cos(at) * torch.cos(center) * torch.cos(apart)
    peak = torch.cos(center) * concentration / math.sinh(concentration)
    return (peak * torch.exp(concentration * cosine)).float().reshape(-1, HEIGHT, WIDTH)


class HeatMap(nn.Module):
    """Squared scores as heights of the bumps, stretched to [0, 1] frame by frame."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", heat_map_basis().flatten(1), persistent=False)
        self.basis: Tensor

    def forward(self, scores: Tensor) -> Tensor:
        """Maps of some scores.

        Args:
            scores: Shape ``(..., 392)``.

        Returns:
            In [0, 1], float32, ``(..., 224, 448)``. Scores of zero throughout give zeros, where
            the published code divides by zero.
        """
        # In half precision a map would have steps.
        with torch.autocast(scores.device.type, enabled=False):
            maps = scores.float().square() @ self.basis
        maps = maps - maps.amin(dim=-1, keepdim=True)
        largest = maps.amax(dim=-1, keepdim=True)
        maps = maps / largest.where(largest > 0, torch.ones_like(largest))
        return maps.unflatten(-1, (HEIGHT, WIDTH))
