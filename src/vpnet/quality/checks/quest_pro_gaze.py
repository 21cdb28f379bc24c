"""Checks of what a Quest Pro derived from the gaze: offsets with mixed signs, naive fixations."""

import polars as pl
import torch

from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    normalize,
)
from vpnet.quality.checks.played_rows import columns, lines_of, matched
from vpnet.quest_pro.streams import GAZE_COLUMNS
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.fixations import detect_fixations
from vpnet.recordings.gaze import LENGTH_TOLERANCE
from vpnet.recordings.recording import Recording
from vpnet.recordings.refusals import GAZE_ANGLES_DISAGREE

LEVEL_DEG = 2.0
"""A head that hardly leaves the horizon does not show which sign its pitch has."""

ANGLES_TOLERANCE_DEG = 2.0
"""Files are rounded, directions to two decimals at worst."""

RECORDED_THRESHOLD_DEG_S = 30.0
"""Below this velocity the headset itself calls gaze a fixation."""

MORE_FIXATIONS = 0.05
DISAGREEING_SHARE = 0.1
"""Saccades begin and end between rows, so that two right answers differ in a few of them."""

MIXED_PITCH_SIGN = Rule(
    "mixed_pitch_sign",
    Severity.NOTE,
    "Recorded offsets mix two signs of pitch",
    meaning="combined.csv subtracts the head's pitch, positive down, from the gaze's, positive up. "
    "Its GazeRelativeV and EyeHeadOffset are wrong whenever the head is not level; vpnet computes "
    "offsets from the directions instead.",
    remedy="never use these columns, except to reproduce earlier work (recorded_offsets=true)",
)
FIXATIONS_ON_HELD_ROWS = Rule(
    "fixations_on_held_rows",
    Severity.NOTE,
    "Recorded fixations count held rows",
    meaning="The headset compares neighbouring rows, and a row that repeats a sample always looks "
    "like a fixation; vpnet finds fixations on the distinct samples instead.",
    remedy="never use IsFixating, except to reproduce earlier work (recorded_fixations=true)",
)
RULES = (MIXED_PITCH_SIGN, FIXATIONS_ON_HELD_ROWS)


def check_gaze_angles(eye: pl.DataFrame, file: str) -> tuple[list[Finding], dict[str, float]]:
    """Whether GazeYaw and GazePitch (positive up) are the angles of GazeDir.

    Args:
        eye: The eye table.
        file: Its file, for messages.
    """
    if not {"GazeYaw", "GazePitch"} <= set(eye.columns):
        return [], {}
    tracked = eye.filter(pl.col("BothEyesValid") > 0)
    values = columns(tracked, (*GAZE_COLUMNS, "GazeYaw", "GazePitch"))
    length = torch.linalg.vector_norm(values[:, :3], dim=-1)
    values = values[values.isfinite().all(dim=-1) & ((length - 1).abs() < LENGTH_TOLERANCE)]
    if not len(values):
        return [], {}
    yaw_rad, elevation_rad = torch.deg2rad(values[:, 3:]).unbind(dim=-1)
    apart_rad = great_circle_distance(
        normalize(values[:, :3]), direction_from_angles(yaw_rad, elevation_rad)
    )
    apart_deg = float(torch.rad2deg(apart_rad).quantile(0.9))
    if apart_deg <= ANGLES_TOLERANCE_DEG:
        return [], {}
    found = (
        f"GazeYaw and GazePitch (positive up) must agree with GazeDir within "
        f"{ANGLES_TOLERANCE_DEG:g} degrees in nine rows of ten, found {apart_deg:.1f}"
    )
    return [GAZE_ANGLES_DISAGREE.broken(found, file=file)], {}


def check_recorded_offsets(
    combined: pl.DataFrame, played: pl.DataFrame, file: str
) -> tuple[list[Finding], dict[str, float]]:
    """Whether the recorded offset subtracts like from like.

    Args:
        combined: The combined table.
        played: The result of `vpnet.quality.checks.played_rows.played_rows`.
        file: The combined table's file, for messages.
    """
    names = ("GazeYaw", "GazePitch", "GazeRelativeV", "EyeHeadOffset")
    if not set(names) <= set(combined.columns):
        return [], {}
    rows = matched(combined, played)
    values = columns(rows, (*names, "yaw_deg", "elevation_deg"))
    values = values[values.isfinite().all(dim=-1)]
    if not len(values):
        return [], {}
    gaze_yaw, gaze_elevation, relative_v, recorded_deg, head_yaw, head_elevation = values.unbind(-1)
    measurements = {"recorded_offset_median_deg": float(recorded_deg.median())}
    # What was subtracted from the gaze's elevation: the head's, or its negative?
    subtracted = gaze_elevation - relative_v
    agreement = float((subtracted * head_elevation).sum() / (head_elevation**2).sum().clamp(1e-9))
    level = float(head_elevation.abs().quantile(0.9)) < LEVEL_DEG
    if level or agreement > -0.5:
        return [], measurements
    true_deg = torch.rad2deg(
        great_circle_distance(
            direction_from_angles(torch.deg2rad(gaze_yaw), torch.deg2rad(gaze_elevation)),
            direction_from_angles(torch.deg2rad(head_yaw), torch.deg2rad(head_elevation)),
        )
    )
    finding = MIXED_PITCH_SIGN.broken(
        "GazeRelativeV must be the gaze's elevation less the head's, found their sum: an offset of "
        f"{recorded_deg.median():.1f} degrees in the median and {recorded_deg.max():.0f} at most, "
        f"where {true_deg.median():.1f} and {true_deg.max():.0f} are true",
        file=file,
        rows=len(values),
    )
    return [finding], measurements


def check_recorded_fixations(
    eye: pl.DataFrame, played: pl.DataFrame, recording: Recording, file: str
) -> tuple[list[Finding], dict[str, float]]:
    """Whether the recorded fixations are those of the distinct samples.

    Args:
        eye: The eye table.
        played: The result of `vpnet.quality.checks.played_rows.played_rows`.
        recording: What was read from the tables.
        file: The eye table's file, for messages.
    """
    gaze, valid = recording.gaze_direction, recording.gaze_valid
    if "IsFixating" not in eye.columns or gaze is None or valid is None:
        return [], {}
    rows = matched(eye, played).filter(
        pl.col("sample").is_not_null() & pl.col("IsFixating").is_finite()
    )
    samples = torch.from_numpy(rows["sample"].to_numpy(writable=True))
    measured = valid[samples]
    if not measured.any():
        return [], {}
    fixating, _ = detect_fixations(recording.timestamps_s, gaze, valid, RECORDED_THRESHOLD_DEG_S)
    true, recorded = fixating[samples], columns(rows, ("IsFixating",))[:, 0] > 0
    share = float(true[measured].double().mean())
    recorded_share = float(recorded[measured].double().mean())
    wrong = measured & (recorded != true)
    disagreeing = float(wrong.sum() / measured.sum())
    measurements = {"recorded_fixating_share": recorded_share}
    if recorded_share - share <= MORE_FIXATIONS and disagreeing <= DISAGREEING_SHARE:
        return [], measurements
    finding = FIXATIONS_ON_HELD_ROWS.broken(
        "IsFixating must compare distinct samples of the gaze, found fixations in "
        f"{recorded_share:.0%} of the rows where there are {share:.0%}, and another answer in "
        f"{disagreeing:.0%}",
        file=file,
        lines=lines_of(rows, wrong),
        rows=int(wrong.sum()),
    )
    return [finding], measurements
