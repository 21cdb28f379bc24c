"""Tile metrics: what a streaming server would have sent too much or too little.

The equirectangular frame is cut into tiles; a tile is visible when its centre lies in the circular
field of view around the viewport centre.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.evaluation.errors import FIELD_OF_VIEW_DEG
from vpnet.geometry.equirectangular import pixel_directions
from vpnet.geometry.viewport import circular_field_of_view

TILE_ROWS, TILE_COLUMNS = 9, 16

CHUNK = 8192
"""Directions handled at a time: bounds the memory, about 1 MB per grid of 144 tiles."""


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
    """Compare the tiles around predicted and true viewport centres.

    Two empty sets of tiles agree (1); an empty and a non-empty one do not (0). Both are possible
    only where the field of view is smaller than a tile.

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
