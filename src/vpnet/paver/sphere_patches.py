"""PAVER's fixed geometry: patches of a frame on the sphere, and a map from the patches' scores.

Each patch is cut from the plane that touches the sphere at its centre. PAVER writes this as a
deformable convolution. Its offsets do not depend on the frame, so it is a fixed bilinear resampling
followed by the ordinary patch projection of the vision transformer. Source: Yun et al., ECCV 2022,
section 3.1, and their published code, whose quirks are kept.
"""

import math

import torch
from torch import Tensor, nn

from vpnet.errors import InputError

HEIGHT, WIDTH = 224, 448
"""Frames, pixels."""

PATCH = 16
"""Side of a patch, pixels."""

ROWS, COLUMNS = HEIGHT // PATCH, WIDTH // PATCH
"""Patches: 14 x 28."""

SEAMS = ("zero", "wrap")

SIGMA_PIXELS = 16
"""Standard deviation of the heat map's kernel around a patch: 12.86 degrees."""


def sampling_grid() -> Tensor:
    """Where each tap of each patch reads the frame, as fractional pixel indices.

    Patches are on tangent planes whose half-width, and half their distance, is arctan(pi / 28):
    0.4 % less than pi / 28, so that 1.5 degrees at the seam are not covered. Index k is the angle
    2 pi k / 448, without half a pixel. Both are as published.

    Returns:
        Row and column, float32, ``(14, 28, 16, 16, 2)``: patch row, patch column, tap row, tap
        column.
    """
    half = math.atan(math.pi / COLUMNS)
    steps = torch.linspace(-half, half, PATCH, dtype=torch.float64)
    elevation = half * (ROWS - 1 - 2 * torch.arange(ROWS, dtype=torch.float64))
    azimuth = -half * (2 * COLUMNS - 1 - 2 * torch.arange(COLUMNS, dtype=torch.float64))
    elevation = elevation.reshape(ROWS, 1, 1, 1)
    azimuth = azimuth.reshape(1, COLUMNS, 1, 1)
    up = -steps.reshape(1, 1, PATCH, 1)
    right = steps.reshape(1, 1, 1, PATCH)
    ahead = torch.cos(elevation) - up * torch.sin(elevation)
    height = torch.sin(elevation) + up * torch.cos(elevation)
    theta = torch.remainder(torch.atan2(right, ahead) + azimuth, 2 * math.pi)
    phi = torch.atan2(torch.sqrt(ahead**2 + right**2), height)
    row = (phi * HEIGHT / math.pi).expand(ROWS, COLUMNS, PATCH, PATCH)
    column = theta * WIDTH / (2 * math.pi)
    absolute = torch.stack((row, column.expand_as(row)), dim=-1)
    # The published code keeps offsets from the regular grid, in single precision.
    patch_row, patch_column, tap_row, tap_column = torch.meshgrid(
        torch.arange(ROWS),
        torch.arange(COLUMNS),
        torch.arange(PATCH),
        torch.arange(PATCH),
        indexing="ij",
    )
    regular = torch.stack((PATCH * patch_row + tap_row, PATCH * patch_column + tap_column), dim=-1)
    return regular.float() + (absolute - regular).float()


class SpherePatches(nn.Module):
    """Resample frames onto the tangent planes: a frame whose ordinary patches are the sphere's.

    Args:
        seam: ``zero``, as published, lets the image end at its seam: taps beyond the last column
            or row blend with mid-grey. ``wrap`` closes the sphere: columns wrap, rows repeat.

    Raises:
        InputError: ``seam`` is neither.
    """

    def __init__(self, seam: str = "zero") -> None:
        super().__init__()
        if seam not in SEAMS:
            raise InputError(f"saliency.seam must be {' or '.join(SEAMS)}, got {seam!r}")
        # Taps in the place of the pixels of an ordinary patch convolution.
        grid = sampling_grid().permute(0, 2, 1, 3, 4).reshape(HEIGHT, WIDTH, 2)
        row, column = grid.unbind(-1)
        pixels, weights = [], []
        for below in (0, 1):
            for right in (0, 1):
                at_row, at_column = row.floor() + below, column.floor() + right
                weight = (1 - (row - at_row).abs()) * (1 - (column - at_column).abs())
                if seam == "wrap":
                    at_column = torch.remainder(at_column, WIDTH)
                else:
                    weight = weight.where(at_column < WIDTH, weight.new_zeros(()))
                    weight = weight.where(at_row < HEIGHT, weight.new_zeros(()))
                at_row = at_row.clamp(max=HEIGHT - 1)
                at_column = at_column.clamp(max=WIDTH - 1)
                pixels.append((at_row * WIDTH + at_column).long().flatten())
                weights.append(weight.flatten())
        self.register_buffer("pixels", torch.stack(pixels), persistent=False)
        self.register_buffer("weights", torch.stack(weights), persistent=False)
        self.pixels: Tensor
        self.weights: Tensor

    def forward(self, frames: Tensor) -> Tensor:
        """Resample ``frames``, float, ``(frames, 3, 224, 448)``; the shape stays."""
        flat = frames.flatten(-2)
        resampled = flat[..., self.pixels[0]] * self.weights[0]
        for pixels, weights in zip(self.pixels[1:], self.weights[1:], strict=True):
            resampled = torch.addcmul(resampled, flat[..., pixels], weights)
        return resampled.unflatten(-1, frames.shape[-2:])


def heat_map_basis() -> Tensor:
    """The kernel around each patch, float32, ``(392, 224, 448)``.

    von Mises-Fisher kernels around the regular patch centres, weighted by the patches' area. Row y
    has the elevation pi / 2 - pi y / 224 and column x the azimuth 2 pi x / 448, without half a
    pixel, as published.
    """
    concentration = WIDTH**2 / (4 * math.pi**2 * SIGMA_PIXELS**2)
    row = torch.arange(ROWS, dtype=torch.float64).reshape(ROWS, 1, 1, 1)
    column = torch.arange(COLUMNS, dtype=torch.float64).reshape(1, COLUMNS, 1, 1)
    y = torch.arange(HEIGHT, dtype=torch.float64).reshape(1, 1, HEIGHT, 1)
    x = torch.arange(WIDTH, dtype=torch.float64).reshape(1, 1, 1, WIDTH)
    center = (2 * row + 1 - ROWS) * math.pi / COLUMNS
    at = -math.pi / 2 + math.pi * y / HEIGHT
    apart = 2 * math.pi * x / WIDTH - (2 * column + 1) * math.pi / COLUMNS
    cosine = torch.sin(at) * torch.sin(center)
    cosine = cosine + torch.cos(at) * torch.cos(center) * torch.cos(apart)
    peak = torch.cos(center) * concentration / math.sinh(concentration)
    return (peak * torch.exp(concentration * cosine)).float().reshape(-1, HEIGHT, WIDTH)


class HeatMap(nn.Module):
    """Kernels as high as the squared scores, added up and stretched to [0, 1] frame by frame."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", heat_map_basis().flatten(1), persistent=False)
        self.basis: Tensor

    def forward(self, scores: Tensor) -> Tensor:
        """Turn scores of patches into saliency maps.

        Args:
            scores: One score per patch, shape ``(..., 392)``.

        Returns:
            Maps with values in [0, 1], float32, ``(..., 224, 448)``. If all scores are zero the map
            is zero; the authors' code divides by zero there.
        """
        # In half precision a map would have steps.
        with torch.autocast(scores.device.type, enabled=False):
            maps = scores.float().square() @ self.basis
        maps = maps - maps.amin(dim=-1, keepdim=True)
        largest = maps.amax(dim=-1, keepdim=True)
        maps = maps / largest.where(largest > 0, torch.ones_like(largest))
        return maps.unflatten(-1, (HEIGHT, WIDTH))
