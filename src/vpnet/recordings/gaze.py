"""The gaze streams of a recording: eye-in-world direction, its mask, and what follows from them."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vpnet.geometry.directions import FORWARD, great_circle_distance, normalize, yaw_and_elevation
from vpnet.geometry.rotations import conjugate, quaternion_from_angles, rotate
from vpnet.recordings.fixations import detect_fixations
from vpnet.settings import Positive, checked

LENGTH_TOLERANCE = 0.05
"""Gaze vectors this near to unit length are scaled to it (files are rounded to two decimals)."""


@checked
@dataclass(frozen=True)
class GazeRules:
    """Which gaze is valid, and which is a fixation.

    Args:
        max_gaze_offset_deg: Gaze further than this from the head's axis is marked invalid, in
            degrees; null keeps all.
        velocity_threshold_deg_s: Slower gaze is a fixation, in degrees per second.
    """

    max_gaze_offset_deg: Annotated[float, Field(gt=0, le=180)] | None = 60.0
    velocity_threshold_deg_s: Positive = 30.0


def measured_gaze(gaze_direction: Tensor, gaze_valid: Tensor) -> Tensor:
    """Gaze as it was measured, whether or not eyes can turn there.

    Args:
        gaze_direction: Directions, near unit length, shape ``(samples, 3)``.
        gaze_valid: Which of them the source says were measured, shape ``(samples,)``.

    Returns:
        Unit vectors, shape ``(samples, 3)``; NaN where the source marks them as lost or the vector
        is not a direction (not finite, or far from unit length).
    """
    gaze_direction = gaze_direction.double()
    length = torch.linalg.vector_norm(gaze_direction, dim=-1)
    # A length that is not a number compares as False.
    measured = gaze_valid & ((length - 1).abs() <= LENGTH_TOLERANCE)
    return torch.where(measured.unsqueeze(-1), normalize(gaze_direction), torch.nan)


def eye_in_head_offset_deg(head_orientation_xyzw: Tensor, gaze_direction: Tensor) -> Tensor:
    """Where the eyes point within the head, in degrees.

    Computed from the two directions, because the offsets that the headset writes subtract a pitch
    that is positive down from one that is positive up (docs/CONVENTIONS.md, defect 1).

    Args:
        head_orientation_xyzw: Unit quaternions, headset frame to world, shape ``(samples, 4)``.
        gaze_direction: Eye-in-world directions, unit vectors, shape ``(samples, 3)``.

    Returns:
        Horizontal (positive right: yaw in the head's frame), vertical (positive up: elevation
        there) and magnitude (great-circle), shape ``(samples, 3)``.
    """
    eye_in_head = rotate(conjugate(head_orientation_xyzw), gaze_direction)
    horizontal_rad, vertical_rad = yaw_and_elevation(eye_in_head)
    magnitude_rad = great_circle_distance(eye_in_head, eye_in_head.new_tensor(FORWARD))
    return torch.rad2deg(torch.stack((horizontal_rad, vertical_rad, magnitude_rad), dim=-1))


def gaze_streams(
    timestamps_s: Tensor,
    viewport_center: Tensor,
    head_orientation_xyzw: Tensor | None,
    gaze_direction: Tensor,
    gaze_valid: Tensor,
    rules: GazeRules = GazeRules(),
) -> dict[str, Tensor]:
    """The five gaze fields of a `Recording`, by name: ``Recording(..., **gaze_streams(...))``.

    Besides the samples that the source marks as lost, those are marked whose vector is not a
    direction (not finite, or far from unit length), and those further from the head's axis than
    eyes can turn. Marked samples hold the viewport centre and a zero offset, which mean nothing.

    Args:
        timestamps_s: Playback time, strictly increasing, shape ``(samples,)``.
        viewport_center: Where the head points, unit vectors, shape ``(samples, 3)``.
        head_orientation_xyzw: Unit quaternions, shape ``(samples, 4)``; None where the source has
            none: the head is then taken to be upright (roll 0).
        gaze_direction: Eye-in-world directions, near unit length, shape ``(samples, 3)``.
        gaze_valid: Which of them the source says were measured, shape ``(samples,)``.
        rules: Which gaze is valid, and which is a fixation.

    Returns:
        ``gaze_direction``, ``gaze_valid``, ``gaze_offset_deg``, ``is_fixating`` and
        ``fixation_duration_s``, with the shapes and types that `Recording` asks for.
    """
    viewport_center = viewport_center.double()
    if head_orientation_xyzw is None:
        yaw_rad, elevation_rad = yaw_and_elevation(viewport_center)
        head_orientation_xyzw = quaternion_from_angles(
            yaw_rad, elevation_rad, torch.zeros_like(yaw_rad)
        )
    gaze_direction = measured_gaze(gaze_direction, gaze_valid)
    gaze_valid = gaze_direction.isfinite().all(dim=-1)

    offset_deg = eye_in_head_offset_deg(head_orientation_xyzw.double(), gaze_direction)
    if rules.max_gaze_offset_deg is not None:
        gaze_valid = gaze_valid & (offset_deg[:, 2] <= rules.max_gaze_offset_deg)
    gaze_direction = torch.where(gaze_valid.unsqueeze(-1), gaze_direction, viewport_center)
    offset_deg = torch.where(gaze_valid.unsqueeze(-1), offset_deg, 0.0)
    is_fixating, fixation_duration_s = detect_fixations(
        timestamps_s, gaze_direction, gaze_valid, rules.velocity_threshold_deg_s
    )
    return {
        "gaze_direction": gaze_direction,
        "gaze_valid": gaze_valid,
        "gaze_offset_deg": offset_deg,
        "is_fixating": is_fixating,
        "fixation_duration_s": fixation_duration_s,
    }
