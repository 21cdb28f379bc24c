"""Checks of where the eyes point within the head: within reach, centred, and on the right side."""

import torch
from torch import Tensor

from vpnet.geometry.directions import wrap_angle, yaw_and_elevation
from vpnet.geometry.rotations import quaternion_from_angles
from vpnet.quality.checks.runs import held_samples
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.gaze import eye_in_head_offset_deg
from vpnet.recordings.recording import Recording

REACH_DEG = 45.0
"""Eyes turn no further from the head's axis (docs/CONVENTIONS.md, defect 9)."""

STRAY_SHARE = 0.002
"""So few samples beyond reach are noise at the rim of the eye tracker's range: nothing is said."""

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

OFFSETS_BEYOND_REACH = Rule(
    "offsets_beyond_reach",
    Severity.WARNING,
    "The eyes turn further than eyes can",
    meaning="These samples are no gaze; those that max_gaze_offset_deg does not mask count as "
    "measured all the same. Many of them mean that head and gaze do not share one frame.",
    remedy="lower max_gaze_offset_deg to 45 to mask them; if they are many, check the axes of the "
    "gaze columns",
)
OFFSET_SHIFTED = Rule(
    "offset_shifted",
    Severity.WARNING,
    "The gaze is shifted",
    meaning="The eye tracker was not calibrated for this person, or the headset slipped: gaze is "
    "wrong by about this angle throughout.",
    remedy="calibrate before each recording; leave this one out of experiments on gaze",
)
GAZE_OPPOSES_HEAD = Rule(
    "gaze_opposes_head",
    Severity.WARNING,
    "The eyes lead away from where the head goes",
    meaning="An axis of the gaze is mirrored against the head's, so models learn the opposite of "
    "what eyes tell.",
    remedy="check the sign of that axis in the export, and of the head's pitch",
)
ALL_MASKED_REMEDY = (
    "nothing to do if they are few; else check the axes of the gaze columns, and the head's"
)
RULES = (OFFSETS_BEYOND_REACH, OFFSET_SHIFTED, GAZE_OPPOSES_HEAD)


def check_gaze_offset(
    recording: Recording, file: str, gaze_measured: Tensor | None
) -> tuple[list[Finding], dict[str, float]]:
    """Reach, centre and side of the eye-in-head offset, which is computed anew from directions.

    Args:
        recording: Any recording; one without gaze has no findings.
        file: For messages.
        gaze_measured: The result of `vpnet.recordings.gaze.measured_gaze`; what the recording masks
            since it lies beyond the eyes' reach is judged as well.
    """
    valid = recording.gaze_valid
    if gaze_measured is None or valid is None:
        return [], {}
    measured = gaze_measured.isfinite().all(dim=-1)
    if not measured.any():
        return [], {}
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center)
    orientation_xyzw = recording.head_orientation_xyzw
    if orientation_xyzw is None:
        orientation_xyzw = quaternion_from_angles(yaw_rad, elevation_rad, torch.zeros_like(yaw_rad))
    offset_deg = eye_in_head_offset_deg(orientation_xyzw, gaze_measured)
    # A held sample stays in the world while the head turns on: only new ones tell of the eyes.
    fresh = measured & ~held_samples(recording.timestamps_s, gaze_measured, measured)
    findings = _check_reach(offset_deg[fresh, 2], ~valid[fresh], file)
    if not valid.any():
        return findings, {}
    valid_deg = offset_deg[valid]
    measurements = {
        "offset_median_deg": float(valid_deg[:, 2].median()),
        "offset_p95_deg": float(valid_deg[:, 2].quantile(0.95)),
    }
    if recording.duration_s >= SHIFT_FROM_S:
        findings += _check_shift(valid_deg, file)
    turned_deg, comparable = _turning_deg(recording, yaw_rad, elevation_rad)
    for axis, name in enumerate(("horizontal", "vertical")):
        findings += _check_lead(
            offset_deg[comparable & valid, axis], turned_deg[comparable & valid, axis], name, file
        )
    return findings, measurements


def _check_reach(magnitude_deg: Tensor, masked: Tensor, file: str) -> list[Finding]:
    is_beyond = magnitude_deg > REACH_DEG
    beyond, masked_beyond = int(is_beyond.sum()), int((is_beyond & masked).sum())
    share = beyond / len(magnitude_deg)
    if share < STRAY_SHARE:
        return []
    return [
        OFFSETS_BEYOND_REACH.broken(
            f"eyes turn at most {REACH_DEG:g} degrees from the head's axis, found {share:.1%} of "
            f"the measurements beyond, up to {magnitude_deg.max():.0f} degrees (masked by "
            f"max_gaze_offset_deg: {masked_beyond} of {beyond})",
            file=file,
            rows=beyond,
            severity=Severity.NOTE if share < FEW_SHARE else None,
            remedy=ALL_MASKED_REMEDY if masked_beyond == beyond else None,
        )
    ]


def _check_shift(offset_deg: Tensor, file: str) -> list[Finding]:
    right_deg, up_deg = (float(offset_deg[:, axis].median()) for axis in (0, 1))
    if max(abs(right_deg), abs(up_deg)) <= SHIFT_DEG:
        return []
    return [
        OFFSET_SHIFTED.broken(
            f"in the median the eyes must be within {SHIFT_DEG:g} degrees of the head's axis, "
            f"found them {right_deg:+.0f} to the right and {up_deg:+.0f} up",
            file=file,
        )
    ]


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


def _check_lead(offset_deg: Tensor, turned_deg: Tensor, axis: str, file: str) -> list[Finding]:
    if len(offset_deg) < LEAST_SAMPLES:
        return []
    pair = torch.stack((offset_deg, turned_deg))
    if float(pair.std(dim=1).min()) < LEAST_MOVEMENT_DEG:
        return []
    correlation = float(torch.corrcoef(pair)[0, 1])
    if correlation >= OPPOSES:
        return []
    return [
        GAZE_OPPOSES_HEAD.broken(
            f"the {axis} offset of the eyes must not oppose the head's turn within {LEAD_S:g} s, "
            f"found a correlation of {correlation:.2f}",
            file=file,
        )
    ]
