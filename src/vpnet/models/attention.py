"""Attention of several heads, and how those who ask about the same map ask together."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Scaled dot-product attention.

    Args:
        query: Shape ``(batch, heads, queries, width)``.
        key: Shape ``(batch, heads, keys, width)``.
        value: Shape ``(batch, heads, keys, value_width)``.
        scale: What products are multiplied by; None for 1 / sqrt(width).
        mask: True where a query may ask a key, ``(batch, heads, queries, keys)``, any of them 1;
            None for everywhere.

    Returns:
        Shape ``(batch, heads, queries, value_width)``.
    """
    width, value_width = query.shape[3], value.shape[3]
    scale = width**-0.5 if scale is None else scale
    # The fused kernels want one width, a multiple of 8; zeros add nothing to products.
    common = -(-max(width, value_width) // 8) * 8
    query, key, value = (pad(part, (0, common - part.shape[3])) for part in (query, key, value))
    if query.device.type != "cpu":
        attended = scaled_dot_product_attention(query, key, value, mask, scale=scale)
    else:
        # There attention in bf16 takes twice the time of float32 when it trains.
        with torch.autocast("cpu", enabled=False):
            wide = torch.promote_types(query.dtype, torch.float32)
            query, key, value = (part.to(wide) for part in (query, key, value))
            attended = scaled_dot_product_attention(query, key, value, mask, scale=scale)
    return attended[..., :value_width]


class Together(NamedTuple):
    """Places in a grid whose rows each ask one map; a map asked by many has several rows."""

    row: Tensor
    """Of each one who asks, ``(asking,)``."""
    column: Tensor
    """Of each one who asks, ``(asking,)``."""
    map_of_row: Tensor
    """Which map a row asks, ``(rows,)``."""
    columns: int
    """Length of a row: the mean number of those who ask a map, so that less than half of the grid
    can be empty."""

    def gather(self, asking: Tensor) -> Tensor:
        """The grid, ``(rows, columns, ...)``, of those who ask, ``(asking, ...)``; 0 elsewhere."""
        grid = asking.new_zeros(len(self.map_of_row), self.columns, *asking.shape[1:])
        grid[self.row, self.column] = asking
        return grid

    def scatter(self, grid: Tensor) -> Tensor:
        """Those who ask, ``(asking, ...)``, of a grid."""
        return grid[self.row, self.column]


def together(map_of: Tensor, maps: int) -> Together:
    """Bring those together who ask the same map.

    Args:
        map_of: Which map each asks, ``(asking,)``.
        maps: How many there are.
    """
    if torch.compiler.is_exporting():
        # Shapes that depend on data cannot be traced: each one who asks gets a row.
        rows = torch.arange(len(map_of), device=map_of.device)
        return Together(rows, torch.zeros_like(rows), map_of, 1)
    count = torch.bincount(map_of, minlength=maps)
    columns = -(-len(map_of) // max(1, int((count > 0).sum())))
    rows = -(-count // columns)
    order = torch.argsort(map_of, stable=True)
    asked = map_of[order]
    rank = torch.arange(len(order), device=order.device) - (count.cumsum(0) - count)[asked]
    row, column = torch.empty_like(order), torch.empty_like(order)
    row[order] = (rows.cumsum(0) - rows)[asked] + rank // columns
    column[order] = rank % columns
    numbers = torch.arange(maps, device=order.device)
    return Together(row, column, numbers.repeat_interleave(rows), columns)
