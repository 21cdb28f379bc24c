"""A map at the pixels where people looked: NSS, AUC-Judd and AUC-Borji.

One map at a time, its pixels in a row. Each direction counts, those that share a pixel too.
"""

import torch
from torch import Tensor

BORJI_STEP = 0.1
"""Distance of the thresholds, in a map stretched to [0, 1]."""


def scanpath_saliency(saliency: Tensor, fixated: Tensor, weights: Tensor) -> float:
    """Mean of the map at the fixations, in standard deviations above its mean (NSS).

    A map without contrast says nothing: 0.

    Args:
        saliency: Shape ``(pixels,)``.
        fixated: Pixels that were looked at, ``(fixations,)``, one at least.
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

    The thresholds are the map's values at the fixations; 1/2 is chance.

    Args:
        saliency: Shape ``(pixels,)``.
        fixated: Pixels that were looked at, ``(fixations,)``, one at least.
        weights: Of the pixels, ``(pixels,)``; those of the fixated ones do not matter.
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

    Mean over several draws; the thresholds lie a tenth of the map's range apart.

    Args:
        saliency: Shape ``(pixels,)``.
        fixated: Pixels that were looked at, ``(fixations,)``, one at least.
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
