"""Checks of what a Quest Pro writes next to the gaze: pupil, lids, offsets, fixations."""

import polars as pl
import torch

from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    normalize,
)
from vpnet.quality.checks.found import Found, runs_where
from vpnet.quality.checks.played_rows import columns, lines_of, matched
from vpnet.quest_pro.tables import BLINK_COLUMNS, BLINK_THRESHOLD, GAZE_COLUMNS
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.gaze import GAP_LIMIT_S, LENGTH_TOLERANCE, detect_fixations
from vpnet.recordings.recording import Recording

PUPIL_COLUMNS = ("LeftPupilDiam_NA", "RightPupilDiam_NA", "LeftPupilDiam", "RightPupilDiam")
OPENNESS_COLUMNS = ("LeftOpenness", "RightOpenness")
CONFIDENCE_COLUMNS = ("LeftConfidence", "RightConfidence")

SAME_SHARE = 0.99
SAME = 0.002
"""Openness this near to the confidence, in nearly all rows, is the confidence."""

OPENNESS_TOLERANCE = 0.05
"""Openness is the sum of three weights; files are rounded to two decimals."""

OPENNESS_SHARE = 0.05

BLINKLESS_S = 60.0
"""People blink 5 to 30 times a minute, and less when they watch closely; not never."""

BLINKS_PER_MIN = 60.0
"""More than one a second is a lid that the tracker loses."""

BLINKS_FROM_S = 20.0
"""In a shorter time a few blinks in a row make a high rate."""

LOW_CONFIDENCE = 0.5
LOW_SHARE = 0.1

LEVEL_DEG = 2.0
"""A head that hardly leaves the horizon does not show which sign its pitch has."""

ANGLES_TOLERANCE_DEG = 2.0
"""Files are rounded, directions to two decimals at worst."""

RECORDED_THRESHOLD_DEG_S = 30.0
"""Below this velocity the headset itself calls gaze a fixation."""

MORE_FIXATIONS = 0.05
DISAGREEING_SHARE = 0.1
"""Saccades begin and end between rows, so that two right answers differ in a few of them."""


def check_eye(
    eye: pl.DataFrame, face: pl.DataFrame | None, played: pl.DataFrame, found: Found
) -> None:
    """Pupil, openness, confidence and blinks; the weights of the face have their names."""
    rows = matched(eye, played)
    if rows.is_empty():
        return
    _check_pupil(rows, found)
    _check_openness(rows, face, found)
    _check_confidence(rows, found)
    _check_blinks(rows, found)


def _check_pupil(rows: pl.DataFrame, found: Found) -> None:
    names = [name for name in PUPIL_COLUMNS if name in rows.columns]
    if not names:
        return
    diameters = columns(rows, names)
    if not ((diameters > 0) & diameters.isfinite()).any():
        low, high = diameters.nan_to_num(0).aminmax()
        found.broken(
            "pupil_not_measured",
            f"a pupil's diameter is above 0, found {low:g} to {high:g} in all {len(rows)} rows of "
            f"{' and '.join(names)}",
        )


def _check_openness(rows: pl.DataFrame, face: pl.DataFrame | None, found: Found) -> None:
    if not set(OPENNESS_COLUMNS) <= set(rows.columns):
        return
    difference = columns(rows, OPENNESS_COLUMNS) - columns(rows, CONFIDENCE_COLUMNS)
    same_share = float((difference.abs() <= SAME).all(dim=-1).double().mean())
    if same_share >= SAME_SHARE:
        found.broken(
            "openness_is_confidence",
            f"openness must follow the lids, found it equal to the confidence in {same_share:.0%} "
            "of the rows",
        )
        return
    # Layout v1 has no blinks, and never says how it came by its openness.
    if face is None or not set(BLINK_COLUMNS) <= set(rows.columns):
        return
    lids = [f"Eyes_{lid}_{side}" for lid in ("Closed", "Look_Down") for side in "LR"]
    known = (pl.col("FaceIsValid") > 0) & pl.any_horizontal(pl.col(FACE_WEIGHTS) != 0)
    lids_of_row = face.filter(known).select("Timestamp", *lids).unique("Timestamp", keep="first")
    if lids_of_row["Timestamp"].dtype != rows["Timestamp"].dtype:
        return
    both = rows.join(lids_of_row, on="Timestamp", maintain_order="left")
    closed, look_down = columns(both, lids).split(2, dim=-1)
    expected = (1 - closed - look_down.amin(dim=-1, keepdim=True)).clamp(0, 1)
    differs = (columns(both, OPENNESS_COLUMNS) - expected).abs().amax(-1) > OPENNESS_TOLERANCE
    if len(both) and float(differs.double().mean()) > OPENNESS_SHARE:
        found.broken(
            "openness_inconsistent",
            f"openness must be 1 - (Eyes_Closed + the lesser Eyes_Look_Down) within "
            f"{OPENNESS_TOLERANCE:g}, found another value in {differs.double().mean():.0%} of the "
            "rows",
            lines=lines_of(both, differs),
            rows=int(differs.sum()),
        )


def _check_confidence(rows: pl.DataFrame, found: Found) -> None:
    confidence = columns(rows, CONFIDENCE_COLUMNS)
    low = ((confidence > 0) & (confidence < LOW_CONFIDENCE)).any(dim=-1)
    share = float(low.double().mean())
    if share > LOW_SHARE:
        found.broken(
            "confidence_low",
            f"the confidence of either eye must be at least {LOW_CONFIDENCE:g} where it is not 0, "
            f"found it lower in {share:.0%} of the rows",
            lines=lines_of(rows, low),
            rows=int(low.sum()),
        )


def _check_blinks(rows: pl.DataFrame, found: Found) -> None:
    """Blinks by the lids, of layout v2; layout v1 does not mark them."""
    if not set(BLINK_COLUMNS) <= set(rows.columns) or rows["elapsed_s"].null_count():
        return
    steps_s = columns(rows, ("elapsed_s",))[:, 0].diff(append=torch.full((1,), torch.inf))
    tracked = (columns(rows, CONFIDENCE_COLUMNS) > 0).all(dim=-1)
    closed = columns(rows, BLINK_COLUMNS).mean(dim=-1) > BLINK_THRESHOLD
    # Lids cover the eyes: the tracker may well lose them in a blink.
    watched_s = float(steps_s[(tracked | closed) & (steps_s > 0) & (steps_s <= GAP_LIMIT_S)].sum())
    if watched_s <= 0:
        return
    blinks = len(runs_where(closed))
    per_min = 60 * blinks / watched_s
    found.measurements["blinks_per_min"] = per_min
    never = blinks == 0 and watched_s > BLINKLESS_S
    if never or (per_min > BLINKS_PER_MIN and watched_s >= BLINKS_FROM_S):
        found.broken(
            "blink_rate",
            f"people blink now and then, and less than {BLINKS_PER_MIN:g} times a minute, found "
            f"{blinks} blinks in {watched_s:.0f} s",
        )


def check_gaze_angles(eye: pl.DataFrame, found: Found) -> None:
    """Whether GazeYaw and GazePitch (positive up) are the angles of GazeDir."""
    if not {"GazeYaw", "GazePitch"} <= set(eye.columns):
        return
    tracked = eye.filter(pl.col("BothEyesValid") > 0)
    values = columns(tracked, (*GAZE_COLUMNS, "GazeYaw", "GazePitch"))
    length = torch.linalg.vector_norm(values[:, :3], dim=-1)
    values = values[values.isfinite().all(dim=-1) & ((length - 1).abs() < LENGTH_TOLERANCE)]
    if not len(values):
        return
    recorded = direction_from_angles(*torch.deg2rad(values[:, 3:]).unbind(dim=-1))
    apart_rad = great_circle_distance(normalize(values[:, :3]), recorded)
    apart_deg = float(torch.rad2deg(apart_rad).quantile(0.9))
    if apart_deg > ANGLES_TOLERANCE_DEG:
        found.broken(
            "gaze_angles_disagree",
            f"GazeYaw and GazePitch (positive up) must agree with GazeDir within "
            f"{ANGLES_TOLERANCE_DEG:g} degrees in nine rows of ten, found {apart_deg:.1f}",
        )


def check_recorded_offsets(combined: pl.DataFrame, played: pl.DataFrame, found: Found) -> None:
    """Whether the recorded offset subtracts like from like."""
    names = ("GazeYaw", "GazePitch", "GazeRelativeV", "EyeHeadOffset")
    if not set(names) <= set(combined.columns):
        return
    rows = matched(combined, played)
    values = columns(rows, (*names, "yaw_deg", "elevation_deg"))
    values = values[values.isfinite().all(dim=-1)]
    if not len(values):
        return
    gaze_yaw, gaze_elevation, relative_v, recorded_deg, head_yaw, head_elevation = values.unbind(-1)
    found.measurements["recorded_offset_median_deg"] = float(recorded_deg.median())
    # What was subtracted from the gaze's elevation: the head's, or its negative?
    subtracted = gaze_elevation - relative_v
    agreement = float((subtracted * head_elevation).sum() / (head_elevation**2).sum().clamp(1e-9))
    level = float(head_elevation.abs().quantile(0.9)) < LEVEL_DEG
    if level or agreement > -0.5:
        return
    true_deg = torch.rad2deg(
        great_circle_distance(
            direction_from_angles(torch.deg2rad(gaze_yaw), torch.deg2rad(gaze_elevation)),
            direction_from_angles(torch.deg2rad(head_yaw), torch.deg2rad(head_elevation)),
        )
    )
    found.broken(
        "mixed_pitch_sign",
        "GazeRelativeV must be the gaze's elevation less the head's, found their sum: an offset of "
        f"{recorded_deg.median():.1f} degrees in the median and {recorded_deg.max():.0f} at most, "
        f"where {true_deg.median():.1f} and {true_deg.max():.0f} are true",
        rows=len(values),
    )


def check_recorded_fixations(
    eye: pl.DataFrame, played: pl.DataFrame, recording: Recording, found: Found
) -> None:
    """Whether the recorded fixations are those of the distinct samples."""
    gaze, valid = recording.gaze_direction, recording.gaze_valid
    if "IsFixating" not in eye.columns or gaze is None or valid is None:
        return
    rows = matched(eye, played).filter(
        pl.col("sample").is_not_null() & pl.col("IsFixating").is_finite()
    )
    samples = torch.from_numpy(rows["sample"].to_numpy(writable=True))
    measured = valid[samples]
    if not measured.any():
        return
    fixating, _ = detect_fixations(recording.timestamps_s, gaze, valid, RECORDED_THRESHOLD_DEG_S)
    true, recorded = fixating[samples], columns(rows, ("IsFixating",))[:, 0] > 0
    share = float(true[measured].double().mean())
    recorded_share = float(recorded[measured].double().mean())
    wrong = measured & (recorded != true)
    disagreeing = float(wrong.sum() / measured.sum())
    found.measurements["recorded_fixating_share"] = recorded_share
    if recorded_share - share > MORE_FIXATIONS or disagreeing > DISAGREEING_SHARE:
        found.broken(
            "fixations_on_held_rows",
            "IsFixating must compare distinct samples of the gaze, found fixations in "
            f"{recorded_share:.0%} of the rows where there are {share:.0%}, and another answer in "
            f"{disagreeing:.0%}",
            lines=lines_of(rows, wrong),
            rows=int(wrong.sum()),
        )
