"""Maps of the sphere: normalised to sum 1, at another size, and densities of directions."""

import math

import torch
from torch import Tensor

from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights

_LEAST_EXPONENT = -60.0
"""Smaller ones are raised to this: near the smallest numbers exp is fifty times slower."""


def normalize_maps(maps: Tensor) -> Tensor:
    """Scale non-negative maps so that their sum under solid-angle weights is 1.

    A map of zeros becomes the uniform map.

    Args:
        maps: Shape ``(..., height, width)``, non-negative.

    Returns:
        Shape ``(..., height, width)``; the uniform map is 1 everywhere.
    """
    weights = solid_angle_weights(*maps.shape[-2:], dtype=maps.dtype).to(maps.device)
    total = (maps * weights).sum(dim=(-2, -1), keepdim=True)
    return (maps / total.clamp(min=1e-12)).where(total > 1e-12, maps.new_ones(()))


def resize_maps(maps: Tensor, height: int, width: int) -> Tensor:
    """Resize equirectangular maps: bilinear, every pixel counted, columns wrapped.

    Args:
        maps: Shape ``(maps, rows, columns)``.
        height: Rows wanted.
        width: Columns wanted.

    Returns:
        Shape ``(maps, height, width)``; within the range of ``maps``.
    """
    if maps.shape[-2:] == (height, width):
        return maps
    # A whole turn on either side keeps the pixels aligned whatever the widths.
    turns = torch.cat((maps, maps, maps), dim=-1).unsqueeze(1)
    resized = torch.nn.functional.interpolate(
        turns, (height, 3 * width), mode="bilinear", antialias=True
    )
    return resized[:, 0, :, width : 2 * width].clamp(0, 1)


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
        return exponent.clamp_(min=_LEAST_EXPONENT).exp_()
