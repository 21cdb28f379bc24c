"""A map against the density of where people looked: CC, SIM and KLD.

All take maps and weights that broadcast against each other, rows and columns last, and give one
number a map. The weights of a map's pixels sum to 1.
"""

import torch
from torch import Tensor

KLD_FLOOR = 1e-7
"""Share of the uniform density below which a map cannot fall, else one pixel decides all."""


def correlation(maps: Tensor, densities: Tensor, weights: Tensor) -> Tensor:
    """Linear correlation of map and density over the pixels (CC), in [-1, 1].

    A map without contrast correlates with nothing: 0.

    Args:
        maps: Shape ``(..., height, width)``.
        densities: Shape ``(..., height, width)``.
        weights: Of the pixels, ``(height, width)``.
    """
    maps, densities, weights = maps.double(), densities.double(), weights.double()
    maps = maps - _mean(maps, weights)
    densities = densities - _mean(densities, weights)
    spread = _mean(maps.square(), weights) * _mean(densities.square(), weights)
    # Below this, what is left of a constant is rounding.
    has_contrast = spread > 1e-30
    found = _mean(maps * densities, weights) / spread.clamp(min=1e-30).sqrt()
    return torch.where(has_contrast, found, 0.0)[..., 0, 0]


def similarity(maps: Tensor, densities: Tensor, weights: Tensor) -> Tensor:
    """Mass that map and density share (SIM), in [0, 1]; 1 where they are the same.

    As usual, both are stretched to the range from 0 to 1 before they are scaled to one mass; a map
    without contrast counts as uniform.

    Args:
        maps: Shape ``(..., height, width)``.
        densities: Shape ``(..., height, width)``.
        weights: Of the pixels, ``(height, width)``.
    """
    weights = weights.double()
    shared = torch.minimum(
        _density(_stretched(maps), weights), _density(_stretched(densities), weights)
    )
    return _mean(shared, weights)[..., 0, 0]


def divergence(maps: Tensor, densities: Tensor, weights: Tensor) -> Tensor:
    """Information about the density that the map lacks (KLD), in nats, at least 0.

    Args:
        maps: Not negative, ``(..., height, width)``.
        densities: Not negative, ``(..., height, width)``.
        weights: Of the pixels, ``(height, width)``.
    """
    weights = weights.double()
    asked = _density(densities.double(), weights)
    given = _density(_density(maps.double(), weights) + KLD_FLOOR, weights)
    return _mean(torch.xlogy(asked, asked / given), weights).clamp(min=0)[..., 0, 0]


def _mean(maps: Tensor, weights: Tensor) -> Tensor:
    return (maps * weights).sum(dim=(-2, -1), keepdim=True)


def _density(maps: Tensor, weights: Tensor) -> Tensor:
    """Scaled to a mean of 1; what is zero throughout is uniform."""
    total = _mean(maps, weights)
    return torch.where(total > 0, maps / total.clamp(min=1e-300), 1.0)


def _stretched(maps: Tensor) -> Tensor:
    maps = maps.double()
    least = maps.amin(dim=(-2, -1), keepdim=True)
    spread = maps.amax(dim=(-2, -1), keepdim=True) - least
    return (maps - least) / torch.where(spread > 0, spread, 1.0)
