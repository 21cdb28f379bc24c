"""The tangent plane at a viewport centre: east and north coordinates of directions around it.

The plane's axes are the horizon's: `east` is level and points to the right, `north` points up. So
coordinates here do not change when the whole scene turns about the vertical axis. Distances from
the centre are great-circle distances (the exponential map of the sphere), so any direction but the
opposite one has exactly one pair of coordinates; the opposite one is taken to be due east.
"""

import torch
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance, normalize


def tangent_axes(center: Tensor) -> tuple[Tensor, Tensor]:
    """East and north at a viewport centre, unit vectors, each of shape ``(..., 3)``.

    At a pole east is (1, 0, 0), the limit for a viewer who looks forward.
    """
    x, _, z = center.unbind(dim=-1)
    at_pole = torch.hypot(x, z) < 1e-7
    east = torch.stack(
        (
            torch.where(at_pole, torch.ones_like(z), z),
            torch.zeros_like(z),
            torch.where(at_pole, torch.zeros_like(x), -x),
        ),
        dim=-1,
    )
    east = normalize(east)
    return east, torch.linalg.cross(center, east)


def viewport_axes(center: Tensor) -> Tensor:
    """Rotation matrix from the viewport to the world, shape ``(..., 3, 3)``.

    Its columns are east, north and forward.
    """
    return torch.stack((*tangent_axes(center), center), dim=-1)


def to_tangent(center: Tensor, directions: Tensor) -> Tensor:
    """Coordinates of directions in the tangent plane at ``center``, in radians.

    Args:
        center: Unit vectors, shape ``(..., 3)``.
        directions: Unit vectors, broadcastable to ``center``.

    Returns:
        East and north, in radians, shape ``(..., 2)``; its length is the great-circle distance.
    """
    center, directions = torch.broadcast_tensors(center, directions)
    east, north = tangent_axes(center)
    along = torch.stack(((directions * east).sum(-1), (directions * north).sum(-1)), dim=-1)
    sine = torch.linalg.vector_norm(along, dim=-1)
    angle_rad = great_circle_distance(center, directions)
    near = sine < 1e-6
    scale = torch.where(near, torch.ones_like(sine), angle_rad / sine.clamp(min=1e-6))
    due_east = torch.stack((angle_rad, torch.zeros_like(angle_rad)), dim=-1)
    opposite = near & (angle_rad > 1)
    return torch.where(opposite.unsqueeze(-1), due_east, along * scale.unsqueeze(-1))


def from_tangent(center: Tensor, offset_rad: Tensor) -> Tensor:
    """Directions at tangent-plane coordinates: the inverse of `to_tangent`.

    A zero offset gives ``center`` exactly, and the gradient there is finite.

    Args:
        center: Unit vectors, shape ``(..., 3)``.
        offset_rad: East and north, in radians, shape ``(..., 2)``.
    """
    east, north = tangent_axes(center)
    # sqrt has no gradient at 0; the floor is far below anything float32 can show in the result.
    angle_rad = torch.sqrt((offset_rad**2).sum(-1) + 1e-20).unsqueeze(-1)
    along = offset_rad[..., :1] * east + offset_rad[..., 1:] * north
    return normalize(torch.cos(angle_rad) * center + torch.sin(angle_rad) / angle_rad * along)
