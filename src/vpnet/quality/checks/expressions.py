"""Checks of the face's expression weights: measured, moving, and not at their limits."""

import polars as pl
import torch
from torch import Tensor

from vpnet.quality.checks.played_rows import lines_of, matched
from vpnet.quality.checks.stretches import (
    check_lost,
    describe,
    held_samples,
    rows_in,
    sample_durations_s,
    still_runs,
)
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS
from vpnet.recordings.findings import RULES, Finding, Severity
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

NAMES_SHOWN = 6

BRIEF_S = 1.0
"""Less than this in all is a moment's failure."""


def check_face(recording: Recording, file: str) -> tuple[list[Finding], dict[str, float]]:
    """Lost, stuck, rare, dead and saturated weights."""
    valid = recording.face_valid
    columns = [number for number, name in enumerate(recording.face_names) if name != FACE_ACTIVITY]
    if recording.face is None or valid is None or not columns:
        return [], {}
    timestamps_s, weights = recording.timestamps_s, recording.face[:, columns]
    measurements = {"face_valid_share": float(valid.double().mean())}
    findings = check_lost(RULES["face_lost"], "the face", valid, file)
    if not valid.any():
        return findings, measurements
    held = held_samples(timestamps_s, weights, valid)
    stuck = still_runs(timestamps_s, held, STUCK_S)
    if len(stuck):
        findings.append(
            RULES["face_stuck"].broken(
                f"measured weights must change within {STUCK_S:g} s, found none do "
                f"{describe(timestamps_s, stuck)}",
                file=file,
                rows=rows_in(stuck),
            )
        )
    rate_hz = int((valid & ~held).sum()) / float(sample_durations_s(timestamps_s)[valid].sum())
    measurements["face_rate_hz"] = rate_hz
    if rate_hz < RATE_HZ:
        findings.append(
            RULES["face_rate_low"].broken(
                f"the face must be measured at {RATE_HZ:g} Hz or more, found {rate_hz:.1f} "
                "distinct samples a second",
                file=file,
            )
        )
    names = [recording.face_names[column] for column in columns]
    findings += _check_saturated(weights[valid], names, file)
    if recording.duration_s >= DEAD_FROM_S:
        findings += _check_dead(weights[valid], names, file)
    return findings, measurements


def _check_dead(weights: Tensor, names: list[str], file: str) -> list[Finding]:
    low, high = torch.aminmax(weights, dim=0)
    dead = _chosen(names, (high - low <= CONSTANT) & (low < SATURATED))
    if not dead:
        return []
    return [
        RULES["face_dead"].broken(
            f"weights must move, found {len(dead)} of {len(names)} constant: {_list(dead)}",
            file=file,
            severity=Severity.NOTE if len(dead) < MANY_DEAD else None,
        )
    ]


def _check_saturated(weights: Tensor, names: list[str], file: str) -> list[Finding]:
    share = (weights >= SATURATED).double().mean(dim=0)
    saturated = _chosen(names, share > SATURATED_SHARE)
    if not saturated:
        return []
    return [
        RULES["face_saturated"].broken(
            f"weights must stay below {SATURATED:g} in most samples, found {len(saturated)} at it "
            f"in up to {share.max():.0%}: {_list(saturated)}",
            file=file,
        )
    ]


def _chosen(names: list[str], chosen: Tensor) -> list[str]:
    return [name for name, is_chosen in zip(names, chosen.tolist(), strict=True) if is_chosen]


def _list(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def check_face_table(
    face: pl.DataFrame, played: pl.DataFrame, file: str
) -> tuple[list[Finding], dict[str, float]]:
    """Rows of a table with named weights that are called valid though every weight is 0."""
    failed = (pl.col("FaceIsValid") > 0) & pl.all_horizontal(pl.col(FACE_WEIGHTS) == 0)
    slim = face.select("Timestamp", failed.alias("failed"))
    rows = matched(slim, played)
    lost = torch.from_numpy(rows["failed"].to_numpy(writable=True))
    if not lost.any():
        return [], {}
    lost_s = _seconds(rows, lost)
    length = "" if lost_s is None else f", {lost_s:.1f} s in all"
    brief = lost_s is not None and lost_s < BRIEF_S
    finding = RULES["face_dropout"].broken(
        f"a face that is valid must have a weight above 0, found none in {lost.sum()} rows{length}",
        file=file,
        lines=lines_of(rows, lost),
        rows=int(lost.sum()),
        severity=Severity.NOTE if brief else None,
    )
    return [finding], {}


def _seconds(rows: pl.DataFrame, lost: Tensor) -> float | None:
    """How long the lost rows lasted; None where the headset's clock is not known."""
    if rows["elapsed_s"].null_count() or len(rows) < 2:
        return None
    elapsed_s = torch.from_numpy(rows["elapsed_s"].to_numpy(writable=True))
    steps_s = elapsed_s.diff()
    steps_s = torch.cat((steps_s, steps_s.median().reshape(1))).clamp(0, GAP_LIMIT_S)
    return float(steps_s[lost].sum())
