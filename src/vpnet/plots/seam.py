"""Paths on the sphere as lines on the equirectangular frame, cut where the frame is cut."""

import torch
from torch import Tensor

from vpnet.geometry.directions import (
    great_circle_distance,
    interpolate_directions,
    yaw_and_elevation,
)

STEP_DEG = 1.0
"""Longest straight piece of a drawn great circle."""


def frame_lines(directions: Tensor) -> list[Tensor]:
    """Lines on the frame that together show a path; none of them crosses the frame.

    Neighbouring directions are joined by a great circle. Where it crosses yaw 180 degrees the line
    ends at one edge of the frame and the next begins at the other, at the same elevation.

    Args:
        directions: A path of unit vectors, shape ``(steps, 3)``.

    Returns:
        Lines of yaw and elevation in degrees, each of shape ``(points, 2)``; yaw lies in
        [-180, 180].
    """
    yaw_rad, elevation_rad = yaw_and_elevation(_densify(directions.double()))
    points = torch.rad2deg(torch.stack((yaw_rad, elevation_rad), dim=-1))
    lines: list[Tensor] = []
    start = 0
    carried = points[:0]
    for index in torch.nonzero((points[1:, 0] - points[:-1, 0]).abs() > 180).flatten().tolist():
        left, entered = _crossing(points[index], points[index + 1])
        lines.append(torch.cat((carried, points[start : index + 1], left)))
        carried, start = entered, index + 1
    lines.append(torch.cat((carried, points[start:])))
    return lines


def _densify(directions: Tensor) -> Tensor:
    """The path with great circles between its directions, in pieces of at most `STEP_DEG`."""
    pieces = [directions[:1]]
    for start, end in zip(directions[:-1], directions[1:], strict=True):
        angle_deg = float(torch.rad2deg(great_circle_distance(start, end)))
        parts = max(1, int(angle_deg / STEP_DEG) + 1)
        fraction = torch.arange(1, parts + 1, dtype=directions.dtype) / parts
        pieces.append(
            interpolate_directions(start.expand(parts, 3), end.expand(parts, 3), fraction)
        )
    return torch.cat(pieces)


def _crossing(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Where a line leaves the frame and where it comes back in, each ``(1, 2)``."""
    edge = 180.0 if before[0] > 0 else -180.0
    beyond = after[0] + 2 * edge
    span = beyond - before[0]
    fraction = (edge - before[0]) / span if span else torch.zeros_like(span)
    elevation = before[1] + fraction * (after[1] - before[1])
    left = torch.stack((torch.full_like(elevation, edge), elevation))
    return left.unsqueeze(0), (left * left.new_tensor((-1.0, 1.0))).unsqueeze(0)
