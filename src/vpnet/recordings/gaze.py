"""The gaze streams of a recording: direction, mask, eye-in-head offset and fixations."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vpnet.geometry.directions import FORWARD, great_circle_distance, normalize, yaw_and_elevation
from vpnet.geometry.rotations import conjugate, quaternion_from_angles, rotate
from vpnet.settings import Positive, checked

LENGTH_TOLERANCE = 0.05
"""Gaze vectors this near to unit length are scaled to it (files are rounded to two decimals)."""

HOLD_LIMIT_S = 0.05
"""Gaze unchanged for longer was measured again and found the same (trackers hold for 2-3 rows)."""

GAP_LIMIT_S = 0.3
"""The eyes were not seen during a longer gap of the clock: it ends a fixation."""

SAME_DIRECTION = 1e-9
"""Components that differ by no more are one held sample (arithmetic may change the last bits)."""


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
    """Gaze as it was measured, including what is beyond the reach of eyes.

    Args:
        gaze_direction: Directions, near unit length, shape ``(samples, 3)``.
        gaze_valid: Which of them were measured according to the source, shape ``(samples,)``.

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

    This replaces the headset's columns GazeRelativeH, GazeRelativeV and EyeHeadOffset: these
    subtract a pitch that is positive down from one that is positive up (docs/CONVENTIONS.md,
    defect 1).

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


@checked
def detect_fixations(
    timestamps_s: Tensor,
    gaze_direction: Tensor,
    gaze_valid: Tensor,
    velocity_threshold_deg_s: Positive = 30.0,
) -> tuple[Tensor, Tensor]:
    """Fixations by velocity threshold (I-VT), on the measurements that were really made.

    Method: Salvucci & Goldberg, ETRA 2000, "Identifying fixations and saccades in eye-tracking
    protocols". Changed in two ways. A tracker slower than the headset's clock has its samples held
    for some rows; a held row is not a measurement (docs/CONVENTIONS.md, defect 3), so velocities
    are taken between distinct samples, and held rows have the state of the sample they hold. And
    the velocity of a sample is the one that led to it, never the one that follows, so that the
    state of a row reveals nothing about its future. Invalid gaze is never a fixation and ends one;
    the first measurement after it has no velocity yet, and is none either.

    Args:
        timestamps_s: Playback time, strictly increasing, shape ``(samples,)``.
        gaze_direction: Eye-in-world directions, unit vectors, shape ``(samples, 3)``.
        gaze_valid: Which of them were measured, shape ``(samples,)``.
        velocity_threshold_deg_s: Slower gaze is a fixation.

    Returns:
        ``is_fixating``, booleans, and ``fixation_duration_s``, float64: time since the first row of
        the current fixation, 0 outside one. Each of shape ``(samples,)``.

    Raises:
        InputError: The threshold is not positive.
    """
    timestamps_s = timestamps_s.double()
    unseen = timestamps_s.diff() > GAP_LIMIT_S
    same = (gaze_direction.diff(dim=0).abs() <= SAME_DIRECTION).all(dim=-1)
    held = same & (gaze_valid[1:] == gaze_valid[:-1]) & ~unseen
    begins = torch.cat((held.new_ones(1), ~held))
    measurement = begins.cumsum(0) - 1
    first_row = torch.nonzero(begins).squeeze(-1)
    start_s = timestamps_s[first_row]

    slow = torch.zeros_like(first_row, dtype=torch.bool)
    arrival_row = first_row[1:]
    # A sample held for long was confirmed meanwhile: the eyes left it at most one hold ago.
    departure_s = torch.maximum(start_s[:-1], timestamps_s[arrival_row - 1] - HOLD_LIMIT_S)
    angle_deg = torch.rad2deg(
        great_circle_distance(gaze_direction[arrival_row], gaze_direction[arrival_row - 1])
    )
    slow[1:] = (
        (angle_deg < velocity_threshold_deg_s * (start_s[1:] - departure_s))
        & gaze_valid[arrival_row - 1]
        & ~unseen[arrival_row - 1]
    )

    confirmed = timestamps_s - start_s[measurement] > HOLD_LIMIT_S
    is_fixating = gaze_valid & (slow[measurement] | confirmed)
    # Every measurement after a gap begins anew, so two fixations always have other rows in between.
    continues = torch.cat((held.new_zeros(1), is_fixating[:-1])) & is_fixating
    fixation_start_s = torch.where(continues, -torch.inf, timestamps_s).cummax(0).values
    duration_s = torch.where(is_fixating, timestamps_s - fixation_start_s, 0.0)
    return is_fixating, duration_s


def gaze_streams(
    timestamps_s: Tensor,
    viewport_center: Tensor,
    head_orientation_xyzw: Tensor | None,
    gaze_measured: Tensor,
    rules: GazeRules = GazeRules(),
) -> dict[str, Tensor]:
    """The five gaze fields of a `Recording`, by name: ``Recording(..., **gaze_streams(...))``.

    Invalid are the samples that were not measured and those further from the head's axis than eyes
    can turn. They hold the viewport centre and a zero offset, which mean nothing.

    Args:
        timestamps_s: Playback time, strictly increasing, shape ``(samples,)``.
        viewport_center: Where the head points, unit vectors, shape ``(samples, 3)``.
        head_orientation_xyzw: Unit quaternions, shape ``(samples, 4)``; where it is None the head
            is taken to be upright (roll 0).
        gaze_measured: The result of `measured_gaze`, shape ``(samples, 3)``.
        rules: Which gaze is valid, and which is a fixation.
    """
    viewport_center = viewport_center.double()
    if head_orientation_xyzw is None:
        yaw_rad, elevation_rad = yaw_and_elevation(viewport_center)
        head_orientation_xyzw = quaternion_from_angles(
            yaw_rad, elevation_rad, torch.zeros_like(yaw_rad)
        )
    gaze_valid = gaze_measured.isfinite().all(dim=-1)
    offset_deg = eye_in_head_offset_deg(head_orientation_xyzw.double(), gaze_measured)
    if rules.max_gaze_offset_deg is not None:
        gaze_valid = gaze_valid & (offset_deg[:, 2] <= rules.max_gaze_offset_deg)
    gaze_direction = torch.where(gaze_valid.unsqueeze(-1), gaze_measured, viewport_center)
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
