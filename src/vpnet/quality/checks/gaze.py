"""Checks of whether the eyes were seen, and how often."""

from torch import Tensor

from vpnet.quality.checks.lost import check_lost
from vpnet.quality.checks.runs import (
    describe,
    held_samples,
    rows_in,
    runs_where,
    sample_durations_s,
    still_runs,
)
from vpnet.recordings.findings import Finding, Rule, Severity
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

GAZE_LOST = Rule(
    "gaze_lost",
    Severity.WARNING,
    "Much of the gaze is lost",
    meaning="Models that use gaze get little from this recording; lost samples are masked.",
    remedy="was the headset fitted and the eye tracker calibrated? Glasses and make-up hinder it",
)
TRACKING_LOST = Rule(
    "tracking_lost",
    Severity.WARNING,
    "The eyes were lost for a while",
    meaning="Longer than a blink, so it is not interpolated; the samples are masked.",
    remedy="nothing to do if it is rare; else refit the headset",
)
GAZE_STUCK = Rule(
    "gaze_stuck",
    Severity.WARNING,
    "The gaze is stuck",
    meaning="The eye tracker hung, yet its samples count as measured: a fixation that nobody made.",
    remedy="leave the recording out of experiments on gaze if it lasts long",
)
GAZE_RATE_LOW = Rule(
    "gaze_rate_low",
    Severity.WARNING,
    "The gaze was measured rarely",
    meaning="Rows repeat old samples, so that fixations and saccades cannot be told apart.",
    remedy="look at the settings of the eye tracker; read fixations of this recording with care",
)
RULES = (GAZE_LOST, TRACKING_LOST, GAZE_STUCK, GAZE_RATE_LOW)


def check_gaze(
    recording: Recording, file: str, gaze_measured: Tensor | None
) -> tuple[list[Finding], dict[str, float]]:
    """Lost, stuck and rare gaze.

    Args:
        recording: Any recording; one without gaze has no findings.
        file: For messages.
        gaze_measured: The result of `vpnet.recordings.gaze.measured_gaze`, which has more than the
            recording: what lies beyond the eyes' reach was measured and not lost.
    """
    valid, fixating = recording.gaze_valid, recording.is_fixating
    if gaze_measured is None or valid is None or fixating is None:
        return [], {}
    measured = gaze_measured.isfinite().all(dim=-1)
    timestamps_s = recording.timestamps_s
    durations_s = sample_durations_s(timestamps_s)
    measurements = {"gaze_valid_share": float(valid.double().mean())}
    findings = check_lost(GAZE_LOST, "gaze", measured, file)
    findings += _check_tracking(timestamps_s, measured, file)
    if not measured.any():
        return findings, measurements

    held = held_samples(timestamps_s, gaze_measured, measured)
    stuck = still_runs(timestamps_s, held, STUCK_S)
    if len(stuck):
        findings.append(
            GAZE_STUCK.broken(
                f"measured gaze must change within {STUCK_S:g} s, found none "
                f"{describe(timestamps_s, stuck)}",
                file=file,
                rows=rows_in(stuck),
            )
        )
    distinct = int((measured & ~held).sum())
    rate_hz = distinct / float(durations_s[measured].sum())
    row_rate_hz = recording.samples / float(durations_s.sum())
    if rate_hz < RATE_HZ and row_rate_hz >= FAST_ROWS_HZ:
        findings.append(
            GAZE_RATE_LOW.broken(
                f"gaze must be measured at {RATE_HZ:g} Hz or more, found {rate_hz:.1f} distinct "
                f"samples a second in {row_rate_hz:.0f} rows",
                file=file,
            )
        )
    lost_runs = runs_where(~measured)
    lost_s = _lost_durations_s(timestamps_s, lost_runs)
    blinks = int(((lost_s >= BLINK_S[0]) & (lost_s <= BLINK_S[1])).sum())
    measurements |= {
        "gaze_rate_hz": rate_hz,
        "gaze_held_ratio": float(measured.sum()) / distinct,
        "blinks_per_min": 60 * blinks / float(durations_s.sum()),
    }
    if valid.any():
        measurements["fixating_share"] = float(fixating[valid].double().mean())
    return findings, measurements


def _check_tracking(timestamps_s: Tensor, measured: Tensor, file: str) -> list[Finding]:
    runs = runs_where(~measured)
    runs = runs[_lost_durations_s(timestamps_s, runs) > LOST_S]
    if not len(runs):
        return []
    return [
        TRACKING_LOST.broken(
            f"gaze must not be lost for more than {LOST_S:g} s, found it lost "
            f"{describe(timestamps_s, runs)}",
            file=file,
            rows=rows_in(runs),
        )
    ]


def _lost_durations_s(timestamps_s: Tensor, runs: Tensor) -> Tensor:
    """From the first lost sample to the first that is back."""
    back = (runs[:, 1] + 1).clamp(max=len(timestamps_s) - 1)
    return timestamps_s[back] - timestamps_s[runs[:, 0]]
