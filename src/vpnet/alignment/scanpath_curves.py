"""Normalised scanpath saliency of directions, for every yaw offset and mirror they may have.

The score (Peters et al., Vision Research 2005) is the value of the z-scored map where a viewer
looks: 0 by chance, 1 where the map is a standard deviation above its mean. Mean and deviation are
taken over the sphere, not over the pixels, of which the poles have too many.
"""

import torch
from torch import Tensor

from vpnet.geometry.equirectangular import pixel_from_direction, solid_angle_weights
from vpnet.recordings.frame import Frame, align_to_video

FLAT = 1e-3
"""A map whose deviation is less than this share of its mean has no shape."""


def offsets_deg(width: int) -> Tensor:
    """The yaw offsets of the curves: one per column of a map, from -180 upwards, ``(width,)``."""
    return (torch.arange(width, dtype=torch.float64) - width // 2) * 360 / width


def scanpath_curves(maps: Tensor, index: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Score of each direction under every alignment of `vpnet.recordings.frame`.

    Maps are read bilinearly. A turn by whole columns only shifts what is read, so that a direction
    costs one row of a map for all its offsets.

    Args:
        maps: Non-negative maps, float32, shape ``(maps, height, width)``.
        index: Map of each direction, -1 for none, shape ``(samples,)``.
        directions: Recorded directions, float32, shape ``(samples, 3)``.

    Returns:
        Scores as recorded and mirrored, by `offsets_deg`, shape ``(samples, 2, width)``, and which
        directions have a map with a shape, ``(samples,)``; the scores of the others are 0.
    """
    height, width = maps.shape[1:]
    curves = directions.new_zeros(len(directions), 2, width)
    if len(maps) == 0:
        return curves, torch.zeros(len(directions), dtype=torch.bool)
    weights = solid_angle_weights(height, width).flatten()
    mean = maps.flatten(1) @ weights
    deviation = ((maps.flatten(1) - mean.unsqueeze(1)).square_() @ weights).sqrt()
    known = (index >= 0) & (deviation > FLAT * mean)[index]
    index = index[known]
    for mirror in (False, True):
        aligned = align_to_video(directions[known], Frame(mirror=mirror))
        row, column = pixel_from_direction(aligned, height, width)
        row = row.clamp(0, height - 1)
        above = row.floor().long()
        below = (above + 1).clamp(max=height - 1)
        line = torch.lerp(maps[index, above], maps[index, below], (row - above).unsqueeze(1))
        line = (line - mean[index, None]) / deviation[index, None]
        left = column.floor().long()
        at = (left.unsqueeze(1) + torch.arange(width) - width // 2) % width
        shifted = line.gather(1, at)
        fraction = (column - left).unsqueeze(1)
        curves[known, int(mirror)] = torch.lerp(shifted, shifted.roll(-1, dims=1), fraction)
    return curves, known
