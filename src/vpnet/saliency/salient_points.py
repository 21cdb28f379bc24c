"""The salient points of a map: how STAR-VP reads saliency."""

from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import direction_from_pixel

WEIGHTINGS = ("none", "solid_angle")


class SalientPoints(NamedTuple):
    """Points of some maps, the most salient first."""

    pixels: Tensor
    """Row times width plus column, long, ``(..., points)``."""
    values: Tensor
    """The map's values there, ``(..., points)``."""


def salient_points(
    maps: Tensor, points: int = 128, most_salient: int = 20_480, weighting: str = "none"
) -> SalientPoints:
    """Choose points evenly among the most salient pixels.

    The most salient pixels, sorted, and of those every ``most_salient / points``-th from the first:
    the 1st, 161st, 321st, ... of 20,480. Pixels of one value come in the order of their numbers.
    Source: Gao et al., STAR-VP, ACM MM 2024 (the SalMap processor), which takes all pixels alike
    though those near the poles are small.

    Args:
        maps: Shape ``(..., height, width)``.
        points: How many are chosen.
        most_salient: Among how many.
        weighting: ``none`` as in STAR-VP; ``solid_angle`` multiplies by the cosine of the latitude
            first and scales the values to a maximum of 1.

    Raises:
        InputError: The map has fewer pixels, ``most_salient`` is no multiple of ``points``, or the
            weighting is unknown.
    """
    height, width = maps.shape[-2:]
    if weighting not in WEIGHTINGS:
        raise InputError(f"weighting must be {' or '.join(WEIGHTINGS)}, got {weighting!r}")
    if not 0 < points <= most_salient <= height * width or most_salient % points:
        raise InputError(
            f"{points} points among the {most_salient} most salient of {height} x {width} pixels: "
            "the pixels must suffice, and the second number be a multiple of the first"
        )
    if weighting == "solid_angle":
        row = torch.arange(height, device=maps.device, dtype=maps.dtype)
        latitude_rad = (0.5 - (row + 0.5) / height) * torch.pi
        maps = maps * torch.cos(latitude_rad).unsqueeze(1)
        largest = maps.amax(dim=(-2, -1), keepdim=True)
        maps = maps / largest.where(largest > 0, torch.ones_like(largest))
    values, pixels = maps.flatten(-2).sort(dim=-1, descending=True, stable=True)
    step = most_salient // points
    chosen = slice(0, most_salient, step)
    return SalientPoints(pixels[..., chosen], values[..., chosen])


SHARE = 20_480 / (224 * 448)
"""Of a map's pixels, those among which STAR-VP chooses."""


def map_points(maps: Tensor, points: int = 128, weighting: str = "none") -> Tensor:
    """Salient points of maps of any size, among the most salient fifth of their pixels.

    Args:
        maps: Non-negative, shape ``(maps, height, width)``; values are scaled to a maximum of 1.
        points: How many a map.
        weighting: See `salient_points`.

    Returns:
        Direction x, y, z and value, the most salient first, ``(maps, points, 4)``.

    Raises:
        InputError: The map has too few pixels, or the weighting is unknown.
    """
    height, width = maps.shape[-2:]
    every = max(1, round(SHARE * height * width / points))
    largest = maps.amax(dim=(-2, -1), keepdim=True)
    scaled = maps / largest.clamp(min=torch.finfo(maps.dtype).tiny)
    chosen = salient_points(scaled, points, every * points, weighting)
    return point_features(chosen.pixels, chosen.values, height, width)


def point_features(pixels: Tensor, values: Tensor, height: int, width: int) -> Tensor:
    """Points as the models take them: the pixel's direction x, y, z and the value.

    Args:
        pixels: Shape ``(..., points)``.
        values: Shape ``(..., points)``.
        height: Rows of the map they are pixels of.
        width: Columns of it.

    Returns:
        Shape ``(..., points, 4)``.
    """
    row = (pixels // width).to(values.dtype)
    directions = direction_from_pixel(row, (pixels % width).to(values.dtype), height, width)
    return torch.cat((directions, values.unsqueeze(-1)), dim=-1)
