"""Checks of the face's expression weights: measured, moving, and not at their limits."""

from itertools import compress

import polars as pl
import torch
from torch import Tensor

from vpnet.quality.checks.found import (
    Found,
    check_lost,
    check_runs,
    held_samples,
    listed,
    sample_durations_s,
    still_runs,
)
from vpnet.quality.checks.played_rows import lines_of, matched
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS
from vpnet.recordings.findings import Severity
from vpnet.recordings.gaze import GAP_LIMIT_S
from vpnet.recordings.recording import Recording

STUCK_S = 2.0
"""63 weights never all stay the same to the last digit in a living face."""

RATE_HZ = 5.0
"""A Quest Pro measures 10 to 15 times a second; half of that misses whole expressions."""

CONSTANT = 1e-6
"""A weight whose values differ by no more never moved."""

DEAD_FROM_S = 30.0
"""In a shorter time lids need not close, nor brows rise."""

MANY_DEAD = 10
"""Some weights (cheeks sucked in, tongue) rest in most people; this many do not."""

SATURATED = 0.99
SATURATED_SHARE = 0.5
"""No one holds an expression at its limit for half a video."""

BRIEF_S = 1.0
"""Less than this in all is a moment's failure."""


def check_face(recording: Recording, found: Found) -> None:
    """Lost, stuck, rare, dead and saturated weights."""
    valid = recording.face_valid
    columns = [number for number, name in enumerate(recording.face_names) if name != FACE_ACTIVITY]
    if recording.face is None or valid is None or not columns:
        return
    timestamps_s, weights = recording.timestamps_s, recording.face[:, columns]
    found.measurements["face_valid_share"] = float(valid.double().mean())
    check_lost(found, "face_lost", "the face", valid)
    if not valid.any():
        return
    held = held_samples(timestamps_s, weights, valid)
    rule = f"measured weights must change within {STUCK_S:g} s, found none do"
    check_runs(found, "face_stuck", rule, timestamps_s, still_runs(timestamps_s, held, STUCK_S))
    rate_hz = int((valid & ~held).sum()) / float(sample_durations_s(timestamps_s)[valid].sum())
    found.measurements["face_rate_hz"] = rate_hz
    if rate_hz < RATE_HZ:
        found.broken(
            "face_rate_low",
            f"the face must be measured at {RATE_HZ:g} Hz or more, found {rate_hz:.1f} "
            "distinct samples a second",
        )
    names = [recording.face_names[column] for column in columns]
    _check_saturated(weights[valid], names, found)
    if recording.duration_s >= DEAD_FROM_S:
        _check_dead(weights[valid], names, found)


def _check_dead(weights: Tensor, names: list[str], found: Found) -> None:
    low, high = torch.aminmax(weights, dim=0)
    dead = list(compress(names, (high - low <= CONSTANT) & (low < SATURATED)))
    if dead:
        found.broken(
            "face_dead",
            f"weights must move, found {len(dead)} of {len(names)} constant: {listed(dead)}",
            severity=Severity.NOTE if len(dead) < MANY_DEAD else None,
        )


def _check_saturated(weights: Tensor, names: list[str], found: Found) -> None:
    share = (weights >= SATURATED).double().mean(dim=0)
    saturated = list(compress(names, share > SATURATED_SHARE))
    if saturated:
        found.broken(
            "face_saturated",
            f"weights must stay below {SATURATED:g} in most samples, found {len(saturated)} at it "
            f"in up to {share.max():.0%}: {listed(saturated)}",
        )


def check_face_table(face: pl.DataFrame, played: pl.DataFrame, found: Found) -> None:
    """Rows of a table with named weights that are called valid though every weight is 0."""
    failed = (pl.col("FaceIsValid") > 0) & pl.all_horizontal(pl.col(FACE_WEIGHTS) == 0)
    slim = face.select("Timestamp", failed.alias("failed"))
    rows = matched(slim, played)
    lost = torch.from_numpy(rows["failed"].to_numpy(writable=True))
    if not lost.any():
        return
    lost_s = _seconds(rows, lost)
    length = "" if lost_s is None else f", {lost_s:.1f} s in all"
    brief = lost_s is not None and lost_s < BRIEF_S
    found.broken(
        "face_dropout",
        f"a face that is valid must have a weight above 0, found none in {lost.sum()} rows{length}",
        lines=lines_of(rows, lost),
        rows=int(lost.sum()),
        severity=Severity.NOTE if brief else None,
    )


def _seconds(rows: pl.DataFrame, lost: Tensor) -> float | None:
    """How long the lost rows lasted; None where the headset's clock is not known."""
    if rows["elapsed_s"].null_count() or len(rows) < 2:
        return None
    elapsed_s = torch.from_numpy(rows["elapsed_s"].to_numpy(writable=True))
    steps_s = elapsed_s.diff()
    steps_s = torch.cat((steps_s, steps_s.median().reshape(1))).clamp(0, GAP_LIMIT_S)
    return float(steps_s[lost].sum())
