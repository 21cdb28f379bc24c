"""What a headset shows: masks of the directions that lie inside a field of view."""

import math

from torch import Tensor

from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.rotations import conjugate, rotate


def circular_field_of_view(center: Tensor, directions: Tensor, diameter_deg: float) -> Tensor:
    """Which directions lie within a circular field of view.

    Compares angles, not cosines: rounding would put the centre outside a small circle and the
    opposite direction outside a full one.

    Args:
        center: Viewport centres, unit vectors, shape ``(..., 3)``.
        directions: Unit vectors, broadcastable to ``center``.
        diameter_deg: Full angle of the circle, in (0, 360].

    Returns:
        Booleans, shape ``(...)``.

    Raises:
        ValueError: The diameter is not an angle in (0, 360].
    """
    if not 0 < diameter_deg <= 360:
        raise ValueError(f"diameter_deg is a full angle in (0, 360], got {diameter_deg}")
    return great_circle_distance(center, directions) <= math.radians(diameter_deg / 2)


def rectangular_field_of_view(
    head_orientation_xyzw: Tensor, directions: Tensor, field_of_view_deg: tuple[float, float]
) -> Tensor:
    """Which directions a flat screen in front of the head shows, roll included.

    Args:
        head_orientation_xyzw: Unit quaternions, shape ``(..., 4)``.
        directions: Unit vectors, world frame, shape ``(..., 3)``, broadcastable.
        field_of_view_deg: Horizontal and vertical full angle, each in (0, 180).

    Returns:
        Booleans, shape ``(...)``.

    Raises:
        ValueError: An angle is not in (0, 180).
    """
    if not all(0 < angle < 180 for angle in field_of_view_deg):
        raise ValueError(
            f"field_of_view_deg is a pair (horizontal, vertical) of angles in (0, 180), "
            f"got {field_of_view_deg}"
        )
    half_width, half_height = (math.tan(math.radians(angle / 2)) for angle in field_of_view_deg)
    right, up, forward = rotate(conjugate(head_orientation_xyzw), directions).unbind(dim=-1)
    inside = (right.abs() <= half_width * forward) & (up.abs() <= half_height * forward)
    return inside & (forward > 0)
