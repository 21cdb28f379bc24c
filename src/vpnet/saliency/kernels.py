"""Density of directions on a map: a kernel around each."""

import math

import torch
from torch import Tensor

from vpnet.geometry.equirectangular import pixel_directions

_NOTHING = -60.0
"""Exponents below this count as this: near the smallest numbers exp is fifty times slower."""


class SphereKernel:
    """A von Mises-Fisher kernel, the normal distribution of the sphere, on the pixels of a map.

    Args:
        smoothing_deg: Its standard deviation; the concentration is 1 / sigma^2.
        height: Rows of a map; it is twice as wide.
    """

    def __init__(self, smoothing_deg: float, height: int) -> None:
        self._concentration = 1 / math.radians(smoothing_deg) ** 2
        pixels = pixel_directions(height, 2 * height).reshape(-1, 3).T
        self._pixels = torch.cat((pixels, torch.ones_like(pixels[:1])))

    @property
    def pixels(self) -> int:
        """Pixels of a map."""
        return self._pixels.shape[1]

    def around(self, directions: Tensor, looking: Tensor) -> Tensor:
        """A kernel around each direction, or next to nothing.

        Args:
            directions: Unit vectors, ``(..., 3)``; anything finite where nobody looks.
            looking: Where somebody looks, ``(...,)``.

        Returns:
            Shape ``(..., pixels)``, 1 at the direction.
        """
        # The fourth coordinate carries the constant of the exponent: one product gives all of it.
        constant = torch.where(looking, -self._concentration, -torch.inf).unsqueeze(-1)
        exponent = torch.cat((self._concentration * directions, constant), dim=-1) @ self._pixels
        return exponent.clamp_(min=_NOTHING).exp_()
