"""How good single predictions are: error, accuracy, overlap of the fields of view, tiles."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.geometry.directions import circular_field_of_view, great_circle_distance
from vpnet.geometry.equirectangular import pixel_directions

FIELD_OF_VIEW_DEG = 100.0
"""Diameter of the circular field of view that overlap and tiles are measured with."""

ACCURACY_THRESHOLDS_DEG = (5.0, 10.0, 15.0)
"""A prediction no further off than this counts as right."""

TILE_ROWS, TILE_COLUMNS = 9, 16

CHUNK = 8192
"""Directions handled at a time: bounds the memory, about 1 MB per grid of 144 tiles."""


def error_deg(predicted: Tensor, future: Tensor) -> Tensor:
    """Great-circle error of predictions, in degrees, in [0, 180].

    Args:
        predicted: Unit vectors, shape ``(..., 3)``.
        future: Where the viewer looked, unit vectors, shape ``(..., 3)``.

    Returns:
        Errors, shape ``(...)``.
    """
    return torch.rad2deg(great_circle_distance(predicted, future))


def accuracy_within(errors_deg: Tensor, threshold_deg: float) -> Tensor:
    """1 where an error is at most the threshold, else 0.

    Args:
        errors_deg: Great-circle errors, shape ``(...)``.
        threshold_deg: Largest error that still counts as right.

    Returns:
        0 or 1, in the type of ``errors_deg``, shape ``(...)``.
    """
    return (errors_deg <= threshold_deg).to(errors_deg.dtype)


def viewport_overlap(
    predicted: Tensor, future: Tensor, field_of_view_deg: float = FIELD_OF_VIEW_DEG
) -> Tensor:
    """Share of the true circular field of view that the predicted one covers, in [0, 1].

    Closed form for two spherical caps of one radius r whose centres are d apart: their common area
    is 2 pi - 4 asin(sin(d/2) / sin r) - 4 cos r acos(tan(d/2) / tan r) while d < 2 r, which is the
    formula of Tovchigrechko and Vakser (Protein Science 2001, "How common is the funnel-like
    energy landscape in protein-protein interactions?", appendix) for equal radii, rewritten with
    half angles so that nothing cancels where the prediction is nearly right.

    Args:
        predicted: Unit vectors, shape ``(..., 3)``.
        future: Where the viewer looked, unit vectors, shape ``(..., 3)``.
        field_of_view_deg: Diameter of the field of view, in (0, 180].

    Returns:
        Shares of the area on the sphere, shape ``(...)``.

    Raises:
        ValueError: The field of view is not in (0, 180].
    """
    if not 0 < field_of_view_deg <= 180:
        raise ValueError(f"field_of_view_deg must be in (0, 180], got {field_of_view_deg}")
    radius_rad = math.radians(field_of_view_deg) / 2
    half_distance_rad = great_circle_distance(predicted, future) / 2
    chord = (torch.sin(half_distance_rad) / math.sin(radius_rad)).clamp(max=1)
    height = (torch.tan(half_distance_rad) / math.tan(radius_rad)).clamp(max=1)
    common_area = (
        2 * math.pi - 4 * torch.asin(chord) - 4 * math.cos(radius_rad) * torch.acos(height)
    )
    share = common_area / (2 * math.pi * (1 - math.cos(radius_rad)))
    return torch.where(half_distance_rad < radius_rad, share, 0).clamp(0, 1)


class TileMetrics(NamedTuple):
    """Agreement of predicted with visible tiles, each in [0, 1] and of shape ``(...)``."""

    iou: Tensor
    """Tiles in both over tiles in either."""
    precision: Tensor
    """Share of the predicted tiles that are visible."""
    recall: Tensor
    """Share of the visible tiles that are predicted."""
    f1: Tensor
    """Harmonic mean of precision and recall."""


def tile_metrics(
    predicted: Tensor,
    future: Tensor,
    *,
    rows: int = TILE_ROWS,
    columns: int = TILE_COLUMNS,
    field_of_view_deg: float = FIELD_OF_VIEW_DEG,
) -> TileMetrics:
    """What a streaming server would have sent too much or too little.

    The equirectangular frame is cut into tiles; a tile is visible when its centre lies in the
    circular field of view around the viewport centre. Two empty sets of tiles agree (1); an empty
    and a non-empty one do not (0). Both are possible only where the field of view is smaller than
    a tile.

    Args:
        predicted: Unit vectors, shape ``(..., 3)``.
        future: Where the viewer looked, unit vectors, shape ``(..., 3)``.
        rows: Rows of tiles.
        columns: Columns of tiles.
        field_of_view_deg: Diameter of the circular field of view.

    Returns:
        The four metrics, each of shape ``(...)``, in the type of ``predicted``.
    """
    shape = predicted.shape[:-1]
    tiles = pixel_directions(rows, columns, dtype=predicted.dtype).reshape(-1, 3)
    tiles = tiles.to(predicted.device)
    counts = [
        _tile_counts(part_predicted, part_future, tiles, field_of_view_deg)
        for part_predicted, part_future in zip(
            predicted.reshape(-1, 3).split(CHUNK), future.reshape(-1, 3).split(CHUNK), strict=True
        )
    ]
    sent, visible, both = torch.cat(counts).to(predicted.dtype).reshape(*shape, 3).unbind(-1)
    return TileMetrics(
        iou=_ratio(both, sent + visible - both, sent + visible),
        precision=_ratio(both, sent, sent + visible),
        recall=_ratio(both, visible, sent + visible),
        f1=_ratio(2 * both, sent + visible, sent + visible),
    )


def _tile_counts(
    predicted: Tensor, future: Tensor, tiles: Tensor, field_of_view_deg: float
) -> Tensor:
    """Numbers of predicted tiles, of visible tiles and of tiles that are both, ``(n, 3)``."""
    sent = circular_field_of_view(predicted.unsqueeze(1), tiles, field_of_view_deg)
    visible = circular_field_of_view(future.unsqueeze(1), tiles, field_of_view_deg)
    return torch.stack((sent.sum(1), visible.sum(1), (sent & visible).sum(1)), dim=1)


def _ratio(part: Tensor, whole: Tensor, tiles_in_either: Tensor) -> Tensor:
    """Ratio of counts; 0 over 0 is 0, and 1 where no tile is in either set."""
    ratio = part / whole.clamp(min=1)
    return torch.where(tiles_in_either == 0, torch.ones_like(ratio), ratio)
