"""Checks of the gaze: seen often enough, within reach of the eyes, centred, on the right side."""

import torch
from torch import Tensor

from vpnet.geometry.directions import wrap_angle, yaw_and_elevation
from vpnet.geometry.rotations import quaternion_from_angles
from vpnet.quality.checks.found import (
    Found,
    check_lost,
    check_runs,
    held_samples,
    runs_where,
    sample_durations_s,
    still_runs,
)
from vpnet.recordings.findings import Severity
from vpnet.recordings.gaze import eye_in_head_offset_deg
from vpnet.recordings.recording import Recording

LOST_S = 1.0
"""A blink is over within half a second."""

STUCK_S = 0.5
"""Eyes tremble even in a fixation: no tracker measures the same to the last digit for so long."""

RATE_HZ = 20.0
"""Slower than this, saccades (30 to 80 ms) fall between two samples."""

FAST_ROWS_HZ = 30.0
"""Only where rows come this fast did the source mean to measure gaze faster than `RATE_HZ`."""

BLINK_S = (0.05, 0.8)
"""How long gaze is lost in a blink; shorter is noise, longer is lost tracking."""

REACH_DEG = 45.0
"""Eyes turn no further from the head's axis (docs/CONVENTIONS.md, defect 9)."""

STRAY_SHARE = 0.002
"""So few samples beyond reach are noise at the rim of the eye tracker's range: no finding."""

FEW_SHARE = 0.01
"""Fewer than this cost nothing once they are masked."""

SHIFT_DEG = 15.0
"""Over a video, eyes look to both sides and a little down. Of the 5069 recordings of Xu et al.
(CVPR 2018) 16 % have a median more than 10 degrees from the head's axis, nearly all below it:
people carry the head high. Of those that last 30 seconds 2 % have more than 15 degrees."""

SHIFT_FROM_S = 30.0
"""In a shorter time a single thing to look at decides where the eyes are."""

LEAD_S = 0.3
"""Eyes go first and the head follows within about so long."""

LEAD_TOLERANCE_S = 0.1
"""How far the sample that stands for ``LEAD_S`` later may be from it."""

OPPOSES = -0.2
"""Correlation from which on the eyes lead the wrong way; where all is right it is above 0."""

LEAST_MOVEMENT_DEG = 1.0
"""Standard deviation below which offset and turning are too small to be compared."""

LEAST_SAMPLES = 200
"""Fewer samples than this make a correlation by chance."""

ALL_MASKED_REMEDY = (
    "nothing to do if they are few; else check the axes of the gaze columns, and the head's"
)


def check_gaze(recording: Recording, found: Found, gaze_measured: Tensor | None) -> None:
    """Lost, stuck and rare gaze.

    ``gaze_measured`` is that of `vpnet.recordings.gaze.measured_gaze`, which has more than the
    recording: gaze beyond the eyes' reach was measured and not lost.
    """
    valid, fixating = recording.gaze_valid, recording.is_fixating
    if gaze_measured is None or valid is None or fixating is None:
        return
    measured = gaze_measured.isfinite().all(dim=-1)
    timestamps_s = recording.timestamps_s
    durations_s = sample_durations_s(timestamps_s)
    found.measurements["gaze_valid_share"] = float(valid.double().mean())
    check_lost(found, "gaze_lost", "gaze", measured)
    lost = runs_where(~measured)
    # From the first lost sample to the first that is back.
    back = (lost[:, 1] + 1).clamp(max=len(timestamps_s) - 1)
    lost_s = timestamps_s[back] - timestamps_s[lost[:, 0]]
    rule = f"gaze must not be lost for more than {LOST_S:g} s, found it lost"
    check_runs(found, "tracking_lost", rule, timestamps_s, lost[lost_s > LOST_S])
    if not measured.any():
        return

    held = held_samples(timestamps_s, gaze_measured, measured)
    rule = f"measured gaze must change within {STUCK_S:g} s, found none"
    check_runs(found, "gaze_stuck", rule, timestamps_s, still_runs(timestamps_s, held, STUCK_S))
    distinct = int((measured & ~held).sum())
    rate_hz = distinct / float(durations_s[measured].sum())
    row_rate_hz = recording.samples / float(durations_s.sum())
    if rate_hz < RATE_HZ and row_rate_hz >= FAST_ROWS_HZ:
        found.broken(
            "gaze_rate_low",
            f"gaze must be measured at {RATE_HZ:g} Hz or more, found {rate_hz:.1f} distinct "
            f"samples a second in {row_rate_hz:.0f} rows",
        )
    blinks = int(((lost_s >= BLINK_S[0]) & (lost_s <= BLINK_S[1])).sum())
    found.measurements["gaze_rate_hz"] = rate_hz
    found.measurements["gaze_held_ratio"] = float(measured.sum()) / distinct
    found.measurements["blinks_per_min"] = 60 * blinks / float(durations_s.sum())
    if valid.any():
        found.measurements["fixating_share"] = float(fixating[valid].double().mean())


def check_gaze_offset(recording: Recording, found: Found, gaze_measured: Tensor | None) -> None:
    """Reach, centre and side of the eye-in-head offset, which is computed anew from directions.

    Measured gaze that the recording masks, as it is beyond the eyes' reach, counts as well.
    """
    valid = recording.gaze_valid
    if gaze_measured is None or valid is None:
        return
    measured = gaze_measured.isfinite().all(dim=-1)
    if not measured.any():
        return
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center)
    orientation_xyzw = recording.head_orientation_xyzw
    if orientation_xyzw is None:
        orientation_xyzw = quaternion_from_angles(yaw_rad, elevation_rad, torch.zeros_like(yaw_rad))
    offset_deg = eye_in_head_offset_deg(orientation_xyzw, gaze_measured)
    # A held sample stays in the world while the head turns on: only new ones tell of the eyes.
    fresh = measured & ~held_samples(recording.timestamps_s, gaze_measured, measured)
    _check_reach(offset_deg[fresh, 2], ~valid[fresh], found)
    if not valid.any():
        return
    valid_deg = offset_deg[valid]
    found.measurements["offset_median_deg"] = float(valid_deg[:, 2].median())
    found.measurements["offset_p95_deg"] = float(valid_deg[:, 2].quantile(0.95))
    right_deg, up_deg = (float(valid_deg[:, axis].median()) for axis in (0, 1))
    if recording.duration_s >= SHIFT_FROM_S and max(abs(right_deg), abs(up_deg)) > SHIFT_DEG:
        found.broken(
            "offset_shifted",
            f"in the median the eyes must be within {SHIFT_DEG:g} degrees of the head's axis, "
            f"found them {right_deg:+.0f} to the right and {up_deg:+.0f} up",
        )
    turned_deg, comparable = _turning_deg(recording, yaw_rad, elevation_rad)
    comparable = comparable & valid
    for axis, name in enumerate(("horizontal", "vertical")):
        _check_lead(offset_deg[comparable, axis], turned_deg[comparable, axis], name, found)


def _check_reach(magnitude_deg: Tensor, masked: Tensor, found: Found) -> None:
    is_beyond = magnitude_deg > REACH_DEG
    beyond, masked_beyond = int(is_beyond.sum()), int((is_beyond & masked).sum())
    share = beyond / len(magnitude_deg)
    if share >= STRAY_SHARE:
        found.broken(
            "offsets_beyond_reach",
            f"eyes turn at most {REACH_DEG:g} degrees from the head's axis, found {share:.1%} of "
            f"the measurements beyond, up to {magnitude_deg.max():.0f} degrees (masked by "
            f"max_gaze_offset_deg: {masked_beyond} of {beyond})",
            rows=beyond,
            severity=Severity.NOTE if share < FEW_SHARE else None,
            remedy=ALL_MASKED_REMEDY if masked_beyond == beyond else None,
        )


def _turning_deg(
    recording: Recording, yaw_rad: Tensor, elevation_rad: Tensor
) -> tuple[Tensor, Tensor]:
    """How far the head turns right and up within `LEAD_S`, and for which samples that is known."""
    timestamps_s = recording.timestamps_s
    later = torch.searchsorted(timestamps_s, timestamps_s + LEAD_S).clamp(max=len(timestamps_s) - 1)
    known = (timestamps_s[later] - timestamps_s - LEAD_S).abs() <= LEAD_TOLERANCE_S
    known = known & recording.head_valid & recording.head_valid[later]
    turned_rad = torch.stack(
        (wrap_angle(yaw_rad[later] - yaw_rad), elevation_rad[later] - elevation_rad), dim=-1
    )
    return torch.rad2deg(turned_rad), known


def _check_lead(offset_deg: Tensor, turned_deg: Tensor, axis: str, found: Found) -> None:
    pair = torch.stack((offset_deg, turned_deg))
    if len(offset_deg) < LEAST_SAMPLES or float(pair.std(dim=1).min()) < LEAST_MOVEMENT_DEG:
        return
    correlation = float(torch.corrcoef(pair)[0, 1])
    if correlation < OPPOSES:
        found.broken(
            "gaze_opposes_head",
            f"the {axis} offset of the eyes must not oppose the head's turn within {LEAD_S:g} s, "
            f"found a correlation of {correlation:.2f}",
        )
