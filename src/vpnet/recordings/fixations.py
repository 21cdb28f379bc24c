"""Fixations by velocity threshold (I-VT), on the measurements that were really made.

Method: Salvucci & Goldberg, ETRA 2000, "Identifying fixations and saccades in eye-tracking
protocols". Changed in two ways. An eye tracker slower than the headset's clock has its samples held
for some rows; a held row is not a measurement (docs/CONVENTIONS.md, defect 3), so velocities are
taken between distinct samples. And the velocity of a sample is the one that led to it, never the
one that follows, so that the state of a row tells nothing about its future.
"""

import torch
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance
from vpnet.settings import Positive, checked

HOLD_LIMIT_S = 0.05
"""Gaze unchanged for longer was measured again and found the same (trackers hold for 2-3 rows)."""

GAP_LIMIT_S = 0.3
"""Across a longer gap of the clock nobody saw the eyes: it ends a fixation."""

SAME_DIRECTION = 1e-9
"""Components that differ by no more are one held sample (arithmetic may change the last bits)."""


@checked
def detect_fixations(
    timestamps_s: Tensor,
    gaze_direction: Tensor,
    gaze_valid: Tensor,
    velocity_threshold_deg_s: Positive = 30.0,
) -> tuple[Tensor, Tensor]:
    """Which samples belong to a fixation, and the age of that fixation in seconds.

    Held rows take the state of the measurement they hold. Invalid gaze is never a fixation and ends
    one; the first measurement after it has no velocity yet, and is none either.

    Args:
        timestamps_s: Playback time, strictly increasing, shape ``(samples,)``.
        gaze_direction: Eye-in-world directions, unit vectors, shape ``(samples, 3)``.
        gaze_valid: Which of them were measured, shape ``(samples,)``.
        velocity_threshold_deg_s: Slower gaze is a fixation, in degrees per second.

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
    # Every measurement after a gap begins anew, so only rows that are no fixation part two of them.
    continues = torch.cat((held.new_zeros(1), is_fixating[:-1])) & is_fixating
    fixation_start_s = torch.where(continues, -torch.inf, timestamps_s).cummax(0).values
    duration_s = torch.where(is_fixating, timestamps_s - fixation_start_s, 0.0)
    return is_fixating, duration_s
