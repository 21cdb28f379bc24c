"""All measures of one map against the directions of its viewers."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.geometry.equirectangular import (
    pixel_directions,
    pixel_from_direction,
    solid_angle_weights,
)
from vpnet.saliency.metrics.distributions import correlation, divergence, similarity
from vpnet.saliency.metrics.fixations import auc_borji, auc_judd, scanpath_saliency

WEIGHTINGS = ("solid_angle", "paver")
PAVER_SIZE = (120, 240)
"""Rows and columns at which PAVER's authors compare."""


class SaliencyScores(NamedTuple):
    """What a map is worth; all but KLD are better the higher they are."""

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
        cc=float(correlation(saliency, density, weights)),
        sim=float(similarity(saliency, density, weights)),
        kld=float(divergence(saliency, density, weights)),
        nss=scanpath_saliency(*flat),
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
