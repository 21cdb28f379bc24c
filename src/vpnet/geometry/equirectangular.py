"""Equirectangular images: pixels and the directions they show.

Height H, width W = 2 H, pixel centres: column = (yaw / 2 pi + 1/2) W - 1/2 and
row = (1/2 - elevation / pi) H - 1/2. Columns wrap, rows do not.
"""

import math

import torch
from torch import Tensor

from vpnet.geometry.directions import direction_from_angles, yaw_and_elevation


def pixel_from_direction(directions: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Fractional row in [-1/2, height - 1/2] and column in [-1/2, width - 1/2) of directions."""
    yaw_rad, elevation_rad = yaw_and_elevation(directions)
    row = (0.5 - elevation_rad / math.pi) * height - 0.5
    column = (yaw_rad / (2 * math.pi) + 0.5) * width - 0.5
    return row, column


def direction_from_pixel(row: Tensor, column: Tensor, height: int, width: int) -> Tensor:
    """Directions shown at fractional pixel positions, shape ``(..., 3)``; columns wrap."""
    elevation_rad = (0.5 - (row + 0.5) / height) * math.pi
    yaw_rad = ((column + 0.5) / width - 0.5) * 2 * math.pi
    return direction_from_angles(yaw_rad, elevation_rad)


def pixel_directions(height: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Directions of all pixel centres, shape ``(height, width, 3)``."""
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=dtype), torch.arange(width, dtype=dtype), indexing="ij"
    )
    return direction_from_pixel(rows, columns, height, width)


def solid_angle_weights(height: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Share of the sphere that each pixel covers, shape ``(height, width)``, sum 1."""
    edges = torch.linspace(math.pi / 2, -math.pi / 2, height + 1, dtype=torch.float64)
    band = (torch.sin(edges[:-1]) - torch.sin(edges[1:])) / 2
    return (band / width).to(dtype).unsqueeze(1).expand(height, width)
