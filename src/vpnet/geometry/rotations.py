"""Unit quaternions (x, y, z, w): active rotations from the headset frame to the world frame.

q and -q are one rotation. The axes are the left-handed ones of Unity, in which the usual quaternion
formulas hold unchanged.
"""

import torch
from torch import Tensor

from vpnet.geometry.directions import normalize, wrap_angle

IDENTITY_XYZW = (0.0, 0.0, 0.0, 1.0)


def multiply_quaternions(first_xyzw: Tensor, second_xyzw: Tensor) -> Tensor:
    """The rotation that applies ``second_xyzw``, then ``first_xyzw``.

    Args:
        first_xyzw: Unit quaternions, shape ``(..., 4)``.
        second_xyzw: Unit quaternions, broadcastable to ``first_xyzw``.
    """
    first_xyzw, second_xyzw = torch.broadcast_tensors(first_xyzw, second_xyzw)
    first_vector, first_scalar = first_xyzw[..., :3], first_xyzw[..., 3:]
    second_vector, second_scalar = second_xyzw[..., :3], second_xyzw[..., 3:]
    vector = (
        first_scalar * second_vector
        + second_scalar * first_vector
        + torch.linalg.cross(first_vector, second_vector)
    )
    scalar = first_scalar * second_scalar - (first_vector * second_vector).sum(-1, keepdim=True)
    return torch.cat((vector, scalar), dim=-1)


def conjugate(quaternion_xyzw: Tensor) -> Tensor:
    """The inverse rotation of a unit quaternion, shape ``(..., 4)``."""
    return torch.cat((-quaternion_xyzw[..., :3], quaternion_xyzw[..., 3:]), dim=-1)


def rotate(quaternion_xyzw: Tensor, vectors: Tensor) -> Tensor:
    """Vectors ``(..., 3)`` turned by unit quaternions ``(..., 4)``, broadcast against them."""
    axis, scalar = quaternion_xyzw[..., :3], quaternion_xyzw[..., 3:]
    axis, vectors = torch.broadcast_tensors(axis, vectors)
    twice_cross = 2 * torch.linalg.cross(axis, vectors)
    return vectors + scalar * twice_cross + torch.linalg.cross(axis, twice_cross)


def forward_direction(quaternion_xyzw: Tensor) -> Tensor:
    """Where a head with this orientation points: the quaternion applied to (0, 0, 1)."""
    return normalize(rotate(quaternion_xyzw, quaternion_xyzw.new_tensor((0.0, 0.0, 1.0))))


def quaternion_from_angles(yaw_rad: Tensor, elevation_rad: Tensor, roll_rad: Tensor) -> Tensor:
    """Orientation that points at yaw and elevation, rolled about the line of sight.

    Applied in the order roll, elevation, yaw (intrinsic yaw, pitch, roll: Unity's Euler order).

    Args:
        yaw_rad: Positive to the right, shape ``(...)``.
        elevation_rad: Positive up (Unity's pitch with its sign turned), shape ``(...)``.
        roll_rad: Rotation about z that turns x towards y (Unity's roll), shape ``(...)``.
    """
    zero = torch.zeros_like(yaw_rad)
    about_y = torch.stack((zero, torch.sin(yaw_rad / 2), zero, torch.cos(yaw_rad / 2)), -1)
    # A positive rotation about x carries z towards -y: down.
    about_x = torch.stack(
        (-torch.sin(elevation_rad / 2), zero, zero, torch.cos(elevation_rad / 2)), -1
    )
    about_z = torch.stack((zero, zero, torch.sin(roll_rad / 2), torch.cos(roll_rad / 2)), -1)
    return multiply_quaternions(about_y, multiply_quaternions(about_x, about_z))


def roll_angle(quaternion_xyzw: Tensor) -> Tensor:
    """Roll of an orientation about its line of sight, in radians, in [-pi, pi).

    Inverse of `quaternion_from_angles` away from the poles.
    """
    x, y, z, w = quaternion_xyzw.unbind(dim=-1)
    # The world's up, seen along the head's x and y axes.
    return wrap_angle(torch.atan2(2 * (x * y + z * w), 1 - 2 * (x * x + z * z)))


def slerp(start_xyzw: Tensor, end_xyzw: Tensor, fraction: Tensor) -> Tensor:
    """Orientations between two, at constant angular speed, the short way round.

    Args:
        start_xyzw: Unit quaternions, shape ``(..., 4)``.
        end_xyzw: Unit quaternions, shape ``(..., 4)``.
        fraction: 0 gives ``start_xyzw``, 1 gives ``end_xyzw`` (or its negative), shape ``(...)``.
    """
    dot = (start_xyzw * end_xyzw).sum(-1, keepdim=True)
    end_xyzw = torch.where(dot < 0, -end_xyzw, end_xyzw)
    fraction = fraction.unsqueeze(-1)
    # Half the chord gives the angle without the loss that acos has near 1.
    half_chord = torch.linalg.vector_norm(end_xyzw - start_xyzw, dim=-1, keepdim=True) / 2
    angle_rad = 2 * torch.asin(half_chord.clamp(max=1))
    sine = torch.sin(angle_rad)
    near = sine < 1e-6
    safe_sine = torch.where(near, torch.ones_like(sine), sine)
    weight_start = torch.where(
        near, 1 - fraction, torch.sin((1 - fraction) * angle_rad) / safe_sine
    )
    weight_end = torch.where(near, fraction, torch.sin(fraction * angle_rad) / safe_sine)
    blended = weight_start * start_xyzw + weight_end * end_xyzw
    return torch.nn.functional.normalize(blended, dim=-1)
