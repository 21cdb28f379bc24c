"""Attention of several heads, and the grouping of queries that attend to the same map."""

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
        scale: Factor of the products; None for 1 / sqrt(width).
        mask: True where a query may attend to a key, broadcastable to ``(batch, heads, queries,
            keys)``; None for everywhere.

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
        # On a CPU, training attention in bf16 takes twice the time of float32.
        with torch.autocast("cpu", enabled=False):
            wide = torch.promote_types(query.dtype, torch.float32)
            query, key, value = (part.to(wide) for part in (query, key, value))
            attended = scaled_dot_product_attention(query, key, value, mask, scale=scale)
    return attended[..., :value_width]


class MapGroups(NamedTuple):
    """Places of queries in a grid whose rows each attend to one map; a map may have several rows.

    The length of a row is the mean number of queries of a map, so less than half of the grid is
    empty.
    """

    row: Tensor
    """Of each query, ``(queries,)``."""
    column: Tensor
    """Of each query, ``(queries,)``."""
    map_of_row: Tensor
    """The map that a row attends to, ``(rows,)``."""
    columns: int
    """Length of a row."""

    def gather(self, queries: Tensor) -> Tensor:
        """Put queries, ``(queries, ...)``, into the grid, ``(rows, columns, ...)``, 0 elsewhere."""
        grid = queries.new_zeros(len(self.map_of_row), self.columns, *queries.shape[1:])
        grid[self.row, self.column] = queries
        return grid

    def scatter(self, grid: Tensor) -> Tensor:
        """Take the queries, ``(queries, ...)``, out of a grid."""
        return grid[self.row, self.column]


def group_by_map(map_of: Tensor, maps: int) -> MapGroups:
    """Group queries that attend to the same map.

    Args:
        map_of: The map of each query, ``(queries,)``.
        maps: Number of maps.
    """
    if torch.compiler.is_exporting():
        # Shapes that depend on data cannot be traced: each query gets a row.
        rows = torch.arange(len(map_of), device=map_of.device)
        return MapGroups(rows, torch.zeros_like(rows), map_of, 1)
    count = torch.bincount(map_of, minlength=maps)
    columns = -(-len(map_of) // max(1, int((count > 0).sum())))
    rows = -(-count // columns)
    order = torch.argsort(map_of, stable=True)
    sorted_map = map_of[order]
    rank = torch.arange(len(order), device=order.device) - (count.cumsum(0) - count)[sorted_map]
    row, column = torch.empty_like(order), torch.empty_like(order)
    row[order] = (rows.cumsum(0) - rows)[sorted_map] + rank // columns
    column[order] = rank % columns
    numbers = torch.arange(maps, device=order.device)
    return MapGroups(row, column, numbers.repeat_interleave(rows), columns)
