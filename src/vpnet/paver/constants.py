"""The constants that the released checkpoint carries beside its weights: to recognise it."""

import math

import torch
from torch import Tensor

from vpnet.paver.heat_map import heat_map_basis
from vpnet.paver.sphere_patches import COLUMNS, ROWS


def constant_buffers(names: set[str]) -> dict[str, Tensor]:
    """Those of the three constants that are asked for, by their names in the checkpoint."""
    known = {
        "sph_basis": heat_map_basis,
        "adjacency_matrix": adjacency_matrix,
        "spatial_weight": spatial_weight,
    }
    return {name: make() for name, make in known.items() if name in names}


def adjacency_matrix() -> Tensor:
    """How near the patch centres lie on the sphere, each column of sum 1, ``(392, 392)``.

    Cosine of the angle between two centres less that of a patch's height, nothing below zero and
    nothing for a patch itself. Used in PAVER's training alone.
    """
    elevation, azimuth = _centers()
    cosine = torch.sin(elevation).outer(torch.sin(elevation))
    cosine += torch.cos(elevation).outer(torch.cos(elevation)) * torch.cos(
        azimuth.unsqueeze(0) - azimuth.unsqueeze(1)
    )
    near = (cosine - math.cos(math.pi / ROWS)).clamp(min=0).fill_diagonal_(0)
    return near / near.sum(dim=0, keepdim=True)


def spatial_weight() -> Tensor:
    """Cosine of each patch's elevation, ``(392,)``."""
    return torch.cos(_centers()[0])


def _centers() -> tuple[Tensor, Tensor]:
    row = torch.arange(ROWS, dtype=torch.float64).repeat_interleave(COLUMNS)
    column = torch.arange(COLUMNS, dtype=torch.float64).repeat(ROWS)
    return (2 * row + 1 - ROWS) * math.pi / COLUMNS, (2 * column + 1) * math.pi / COLUMNS
