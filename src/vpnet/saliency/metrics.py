"""Measures of a saliency map against where people looked, as papers report them.

Definitions: Bylinskii, Judd, Oliva, Torralba, Durand, "What do different evaluation metrics tell us
about saliency models?", IEEE TPAMI 2019, doi 10.1109/TPAMI.2018.2815601. They were made for flat
pictures; here every pixel has a weight, which is its solid angle where the sphere shall count.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.geometry.equirectangular import (
    pixel_directions,
    pixel_from_direction,
    solid_angle_weights,
)

WEIGHTINGS = ("solid_angle", "paver")
PAVER_SIZE = (120, 240)
"""Rows and columns at which PAVER's authors compare."""

KLD_FLOOR = 1e-7
"""Share of the uniform density below which a map cannot fall, else one pixel decides all."""

BORJI_STEP = 0.1
"""Distance of the thresholds, in a map stretched to [0, 1]."""


class SaliencyScores(NamedTuple):
    """Measures of a map; all but KLD are better the higher they are."""

    cc: float
    sim: float
    kld: float
    nss: float
    auc_judd: float
    auc_borji: float


def score_map(
    saliency: Tensor,
    directions: Tensor,
    generator: torch.Generator,
    weighting: str = "solid_angle",
    smoothing_deg: float = 5.0,
) -> SaliencyScores:
    """Measure one map.

    Args:
        saliency: Not negative, ``(height, width)``.
        directions: Where people looked at that moment, unit vectors, ``(people, 3)``.
        generator: Random state, for AUC-Borji.
        weighting: ``solid_angle``: a pixel counts as much as it covers of the sphere, and
            fixations are the directions themselves. ``paver``: as PAVER's authors did it for CC,
            SIM and both AUC, all pixels alike, at 120 x 240 by plain bilinear interpolation, where
            fixations are the pixels at which the density is two standard deviations above its mean.
        smoothing_deg: Standard deviation of the kernel that makes directions a density.

    Raises:
        ValueError: There is no direction, a value is negative or not finite, or the weighting is
            unknown.
    """
    if len(directions) == 0:
        raise ValueError("a map is measured against one direction at least, got none")
    if not (saliency.isfinite().all() and (saliency >= 0).all()):
        raise ValueError("saliency must be finite and not negative")
    if weighting not in WEIGHTINGS:
        raise ValueError(f"weighting must be one of {WEIGHTINGS}, got {weighting!r}")
    height, width = saliency.shape
    density = direction_density(directions, height, width, smoothing_deg)
    if weighting == "solid_angle":
        weights = solid_angle_weights(height, width, torch.float64)
        row, column = pixel_from_direction(directions, height, width)
        row = row.round().long().clamp(0, height - 1)
        fixated = row * width + column.round().long() % width
    else:
        saliency, density = (
            torch.nn.functional.interpolate(image[None, None], PAVER_SIZE, mode="bilinear")[0, 0]
            for image in (saliency, density)
        )
        weights = torch.full(PAVER_SIZE, 1 / math.prod(PAVER_SIZE), dtype=torch.float64)
        high = density.mean() + 2 * density.std(correction=0)
        fixated = torch.nonzero(density.flatten() > high).squeeze(1)
    flat = saliency.flatten(), fixated, weights.flatten()
    return SaliencyScores(
        cc=float(cc(saliency, density, weights)),
        sim=float(sim(saliency, density, weights)),
        kld=float(kld(saliency, density, weights)),
        nss=nss(*flat),
        auc_judd=auc_judd(*flat),
        auc_borji=auc_borji(*flat, generator),
    )


def direction_density(directions: Tensor, height: int, width: int, smoothing_deg: float) -> Tensor:
    """Sum of a von Mises-Fisher kernel around each direction, its peak 1, ``(height, width)``.

    Args:
        directions: Unit vectors, ``(people, 3)``.
        height: Rows of the map.
        width: Columns of it.
        smoothing_deg: Standard deviation of a kernel (concentration 1 / sigma^2).
    """
    cosine = pixel_directions(height, width) @ directions.to(torch.float32).T
    return torch.exp((cosine - 1) / math.radians(smoothing_deg) ** 2).sum(dim=-1)


def cc(maps: Tensor, densities: Tensor, weights: Tensor) -> Tensor:
    """Linear correlation coefficient of map and density over the pixels (CC), in [-1, 1].

    A map without contrast has a correlation of 0.

    Args:
        maps: One or several, ``(..., height, width)``.
        densities: Of where people looked, broadcastable to ``maps``.
        weights: Of the pixels, sum 1, ``(height, width)``.

    Returns:
        One number a map, as for `sim` and `kld`, which take the same arguments.
    """
    maps, densities, weights = maps.double(), densities.double(), weights.double()
    maps = maps - _mean(maps, weights)
    densities = densities - _mean(densities, weights)
    spread = _mean(maps.square(), weights) * _mean(densities.square(), weights)
    # Below this, what is left of a constant is rounding.
    has_contrast = spread > 1e-30
    found = _mean(maps * densities, weights) / spread.clamp(min=1e-30).sqrt()
    return torch.where(has_contrast, found, 0.0)[..., 0, 0]


def sim(maps: Tensor, densities: Tensor, weights: Tensor) -> Tensor:
    """Similarity: the mass that map and density share (SIM), in [0, 1]; 1 where they are the same.

    As usual, both are stretched to the range from 0 to 1 before they are scaled to one mass; a map
    without contrast counts as uniform.
    """
    weights = weights.double()
    shared = torch.minimum(
        _density(_stretched(maps), weights), _density(_stretched(densities), weights)
    )
    return _mean(shared, weights)[..., 0, 0]


def kld(maps: Tensor, densities: Tensor, weights: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the map from the density (KLD), in nats, at least 0."""
    weights = weights.double()
    wanted = _density(densities.double(), weights)
    given = _density(_density(maps.double(), weights) + KLD_FLOOR, weights)
    return _mean(torch.xlogy(wanted, wanted / given), weights).clamp(min=0)[..., 0, 0]


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


def nss(saliency: Tensor, fixated: Tensor, weights: Tensor) -> float:
    """Normalised scanpath saliency (NSS): mean of the z-scored map at the fixations.

    A map without contrast has 0.

    Args:
        saliency: One map, its pixels in a row, ``(pixels,)``.
        fixated: Pixels that were looked at, ``(fixations,)``, one at least; each direction counts,
            those that share a pixel too.
        weights: Of the pixels, sum 1, ``(pixels,)``.
    """
    saliency, weights = saliency.double(), weights.double()
    above = saliency - (saliency * weights).sum()
    deviation = (above.square() * weights).sum().sqrt()
    if deviation <= 1e-12 * saliency.abs().max():
        return 0.0
    return float(above[fixated].mean() / deviation)


def auc_judd(saliency: Tensor, fixated: Tensor, weights: Tensor) -> float:
    """Area under the ROC curve that tells fixated pixels from all others (AUC-Judd).

    The thresholds are the map's values at the fixations; 1/2 is chance. Arguments as for `nss`; the
    weights of the fixated pixels do not matter.
    """
    saliency, others = saliency.double(), weights.double().clone()
    hits = saliency[fixated].sort().values
    others[fixated] = 0
    order = saliency.argsort()
    below = torch.nn.functional.pad(others[order].cumsum(0), (1, 0))
    thresholds = torch.unique(hits).flip(0)
    found = 1 - torch.searchsorted(hits, thresholds) / len(hits)
    lower = below[torch.searchsorted(saliency[order], thresholds)]
    alarmed = 1 - lower / below[-1].clamp(min=1e-300)
    return _area(alarmed, found)


def auc_borji(
    saliency: Tensor,
    fixated: Tensor,
    weights: Tensor,
    generator: torch.Generator,
    splits: int = 100,
) -> float:
    """Area under the ROC curve that tells fixations from as many random pixels (AUC-Borji).

    Mean over several draws; the thresholds are a tenth of the map's range apart.

    Args:
        saliency: As for `nss`, as is the next.
        fixated: Pixels that were looked at.
        weights: A pixel is drawn in proportion to its weight, ``(pixels,)``.
        generator: Random state.
        splits: Number of draws.
    """
    saliency = saliency.double()
    spread = saliency.max() - saliency.min()
    saliency = (saliency - saliency.min()) / (spread if spread > 0 else 1.0)
    # By hand: torch.multinomial takes a few million categories at most and is slower.
    bounds = weights.double().cumsum(0)
    drawn = torch.rand(splits, len(fixated), dtype=torch.float64, generator=generator)
    drawn = torch.searchsorted(bounds, drawn * bounds[-1], right=True).clamp(max=len(bounds) - 1)
    hits, chance = saliency[fixated], saliency[drawn]
    areas = []
    for values in chance:
        top = float(torch.maximum(hits.max(), values.max()))
        thresholds = torch.arange(0, top + 1e-9, BORJI_STEP, dtype=torch.float64).flip(0)
        found = (hits >= thresholds.unsqueeze(1)).double().mean(dim=1)
        alarmed = (values >= thresholds.unsqueeze(1)).double().mean(dim=1)
        areas.append(_area(alarmed, found))
    return sum(areas) / len(areas)


def _area(alarmed: Tensor, found: Tensor) -> float:
    """Under the curve through (0, 0), the points and (1, 1), by the trapezoidal rule."""
    across = torch.nn.functional.pad(alarmed, (1, 0))
    up = torch.nn.functional.pad(found.to(alarmed), (1, 0))
    one = torch.ones(1, dtype=alarmed.dtype)
    return float(torch.trapezoid(torch.cat((up, one)), torch.cat((across, one))))
