"""Checks of the face's expression weights: measured, moving, and not at their limits."""

import torch
from torch import Tensor

from vpnet.quality.checks.lost import check_lost
from vpnet.quality.checks.runs import (
    describe,
    held_samples,
    rows_in,
    sample_durations_s,
    still_runs,
)
from vpnet.recordings.face import FACE_ACTIVITY
from vpnet.recordings.findings import Finding, Rule, Severity
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

FACE_LOST = Rule(
    "face_lost",
    Severity.WARNING,
    "Much of the face is lost",
    meaning="Models that use the face get little from this recording; lost samples are masked.",
    remedy="was the headset fitted? Beards and loose straps hinder the face tracking",
)
FACE_STUCK = Rule(
    "face_stuck",
    Severity.WARNING,
    "The face is stuck",
    meaning="The face tracking hung, yet its samples count as measured.",
    remedy="leave the recording out of experiments on the face if it lasts long",
)
FACE_RATE_LOW = Rule(
    "face_rate_low",
    Severity.WARNING,
    "The face was measured rarely",
    meaning="Rows repeat old weights; short expressions are missing.",
    remedy="look whether the headset was overloaded while it recorded",
)
FACE_DEAD = Rule(
    "face_dead",
    Severity.WARNING,
    "Face weights that never move",
    meaning="These weights carry no information, and a feature made of them is constant here.",
    remedy="leave them out of the face's features; if they are many, the face was not tracked",
)
FACE_SATURATED = Rule(
    "face_saturated",
    Severity.WARNING,
    "Face weights at their upper limit",
    meaning="The weight measures the fit of the headset rather than an expression.",
    remedy="leave it out of the face's features, or refit the headset",
)
RULES = (FACE_LOST, FACE_STUCK, FACE_RATE_LOW, FACE_DEAD, FACE_SATURATED)


def check_face(recording: Recording, file: str) -> tuple[list[Finding], dict[str, float]]:
    """Lost, stuck, rare, dead and saturated weights.

    Args:
        recording: Any recording; one without face has no findings.
        file: For messages.
    """
    valid = recording.face_valid
    columns = [number for number, name in enumerate(recording.face_names) if name != FACE_ACTIVITY]
    if recording.face is None or valid is None or not columns:
        return [], {}
    timestamps_s, weights = recording.timestamps_s, recording.face[:, columns]
    measurements = {"face_valid_share": float(valid.double().mean())}
    findings = check_lost(FACE_LOST, "the face", valid, file)
    if not valid.any():
        return findings, measurements
    held = held_samples(timestamps_s, weights, valid)
    stuck = still_runs(timestamps_s, held, STUCK_S)
    if len(stuck):
        findings.append(
            FACE_STUCK.broken(
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
            FACE_RATE_LOW.broken(
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
        FACE_DEAD.broken(
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
        FACE_SATURATED.broken(
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
