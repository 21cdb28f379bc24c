"""Unit vectors of the world frame, their yaw and elevation, and the angle between two of them."""

import math

import torch
from torch import Tensor

FORWARD = (0.0, 0.0, 1.0)
UP = (0.0, 1.0, 0.0)
RIGHT = (1.0, 0.0, 0.0)


def normalize(vectors: Tensor) -> Tensor:
    """Vectors of shape ``(..., 3)`` scaled to unit length; the zero vector stays zero."""
    return torch.nn.functional.normalize(vectors, dim=-1, eps=1e-12)


def direction_from_angles(yaw_rad: Tensor, elevation_rad: Tensor) -> Tensor:
    """Unit vectors that point at the given yaw and elevation.

    Args:
        yaw_rad: 0 forward, positive to the right, shape ``(...)``.
        elevation_rad: 0 at the horizon, positive up, shape ``(...)``.
    """
    horizontal = torch.cos(elevation_rad)
    return torch.stack(
        (
            horizontal * torch.sin(yaw_rad),
            torch.sin(elevation_rad),
            horizontal * torch.cos(yaw_rad),
        ),
        dim=-1,
    )


def yaw_and_elevation(directions: Tensor) -> tuple[Tensor, Tensor]:
    """Yaw in [-pi, pi) and elevation in [-pi/2, pi/2] of directions, in radians.

    The elevation is taken with atan2, whose gradient stays finite near the poles where that of asin
    does not. At a pole itself the yaw is 0, and the gradient is finite too.

    Args:
        directions: Unit vectors, shape ``(..., 3)``.

    Returns:
        Yaw and elevation, each of shape ``(...)``.
    """
    x, y, z = directions.unbind(dim=-1)
    # At a pole both functions have the gradient 0/0; another z keeps it from being computed.
    at_pole = torch.hypot(x, z) < 1e-15
    z = torch.where(at_pole, torch.ones_like(z), z)
    horizontal = torch.where(at_pole, torch.zeros_like(z), torch.hypot(x, z))
    return wrap_angle(torch.atan2(x, z)), torch.atan2(y, horizontal)


def wrap_angle(angle_rad: Tensor) -> Tensor:
    """The same angle in [-pi, pi)."""
    wrapped = torch.remainder(angle_rad + math.pi, 2 * math.pi) - math.pi
    # In floating point, remainder may round up to the modulus itself.
    return torch.where(wrapped >= math.pi, wrapped - 2 * math.pi, wrapped)


def great_circle_distance(direction_a: Tensor, direction_b: Tensor) -> Tensor:
    """Angle between two viewing directions, in radians, in [0, pi].

    Uses atan2, not acos: in float32 acos errs by up to 0.03 degrees on small angles, and where the
    directions agree its gradient is not finite.

    Args:
        direction_a: Unit vectors, world frame, shape ``(..., 3)``.
        direction_b: Unit vectors, world frame, broadcastable to ``direction_a``.
    """
    direction_a, direction_b = torch.broadcast_tensors(direction_a, direction_b)
    sine = torch.linalg.vector_norm(torch.linalg.cross(direction_a, direction_b), dim=-1)
    cosine = (direction_a * direction_b).sum(dim=-1)
    return torch.atan2(sine, cosine)


def circular_field_of_view(center: Tensor, directions: Tensor, diameter_deg: float) -> Tensor:
    """Which directions are within a circular field of view.

    Compares angles, not cosines: rounding would put the centre outside a small circle and the
    opposite direction outside a full one.

    Args:
        center: Viewport centres, unit vectors, shape ``(..., 3)``.
        directions: Unit vectors, broadcastable to ``center``.
        diameter_deg: Full angle of the circle, in (0, 360].

    Raises:
        ValueError: The diameter is not an angle in (0, 360].
    """
    if not 0 < diameter_deg <= 360:
        raise ValueError(f"diameter_deg is a full angle in (0, 360], got {diameter_deg}")
    return great_circle_distance(center, directions) <= math.radians(diameter_deg / 2)


def interpolate_directions(start: Tensor, end: Tensor, fraction: Tensor) -> Tensor:
    """Directions on the great circle from ``start`` to ``end``.

    Opposite directions have no unique great circle: the result there is ``start`` or ``end``,
    whichever is nearer.

    Args:
        start: Unit vectors, shape ``(..., 3)``.
        end: Unit vectors, shape ``(..., 3)``.
        fraction: 0 gives ``start``, 1 gives ``end``; beyond it extrapolates, shape ``(...)``.
    """
    angle_rad = great_circle_distance(start, end)
    sine = torch.sin(angle_rad)
    near = sine < 1e-6
    safe_sine = torch.where(near, torch.ones_like(sine), sine)
    weight_start = torch.sin((1 - fraction) * angle_rad) / safe_sine
    weight_end = torch.sin(fraction * angle_rad) / safe_sine
    # Where the sine vanishes the two agree (a straight blend is exact) or are opposite.
    together = near & (angle_rad < 1)
    apart = near & ~together
    nearer_end = (fraction > 0.5).to(fraction.dtype)
    weight_start = torch.where(together, 1 - fraction, weight_start)
    weight_end = torch.where(together, fraction, weight_end)
    weight_start = torch.where(apart, 1 - nearer_end, weight_start)
    weight_end = torch.where(apart, nearer_end, weight_end)
    return normalize(weight_start.unsqueeze(-1) * start + weight_end.unsqueeze(-1) * end)
