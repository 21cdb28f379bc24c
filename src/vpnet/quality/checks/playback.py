"""Checks of a recording's clock, and of how often it was sampled."""

import torch

from vpnet.quality.checks.runs import sample_durations_s
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.recording import Recording

GAP_S = 0.25
"""Across a longer gap the face is not interpolated by default, nor the gaze (0.1 s)."""

GAP_STEPS = 3
"""In slower recordings, a gap is at least so many times the usual step."""

LATE_S = 1.0
"""A viewing that begins later than this missed the first sight of the scene."""

PLAYBACK_GAPS = Rule(
    "playback_gaps",
    Severity.WARNING,
    "Samples are missing in between",
    meaning="The head is interpolated across gaps of up to task.max_head_gap_s (0.5 s by default); "
    "a longer one costs all training windows that would span it.",
    remedy="nothing to do if they are few; else look why the headset dropped frames",
)
STARTS_LATE = Rule(
    "starts_late",
    Severity.WARNING,
    "The recording starts after the video",
    meaning="The first seconds, in which people look around most, are missing from training.",
    remedy="start the recording before the video, or accept that its beginning is missing",
)
RULES = (PLAYBACK_GAPS, STARTS_LATE)


def check_playback(recording: Recording, file: str) -> tuple[list[Finding], dict[str, float]]:
    """Gaps, a late start, rates.

    Args:
        recording: Any recording.
        file: For messages.
    """
    findings = []
    timestamps_s = recording.timestamps_s
    steps_s = timestamps_s.diff()
    limit_s = max(GAP_S, GAP_STEPS * float(steps_s.median()))
    gaps = torch.nonzero(steps_s > limit_s).squeeze(-1)
    if len(gaps):
        longest = int(steps_s.argmax())
        findings.append(
            PLAYBACK_GAPS.broken(
                f"samples must follow within {limit_s:.2f} s, found {steps_s[longest]:.2f} s "
                f"after {timestamps_s[longest]:.1f} s of playback (gaps: {len(gaps)})",
                file=file,
            )
        )
    first_s = float(timestamps_s[0])
    if first_s > LATE_S:
        findings.append(
            STARTS_LATE.broken(
                f"the first sample must lie within {LATE_S:g} s of the video's start, found "
                f"{first_s:.1f} s",
                file=file,
            )
        )
    measurements = {
        "rows": float(recording.samples),
        "duration_s": recording.duration_s,
        "first_s": first_s,
        "last_s": float(timestamps_s[-1]),
        "row_rate_hz": recording.samples / float(sample_durations_s(timestamps_s).sum()),
        "longest_gap_s": float(steps_s.max()),
    }
    return findings, measurements
