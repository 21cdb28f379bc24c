import dataclasses

import polars as pl
import pytest
import torch

from vpnet.geometry.rotations import quaternion_from_angles
from vpnet.quality.checking import check_tables


@pytest.fixture
def of_eye(recording, tables, rows):
    """Function that gives the findings after some columns of the eye table were changed."""

    def check(*changes):
        eye = tables.eye.with_columns(*changes)
        findings, _ = check_tables(dataclasses.replace(tables, eye=eye), recording, rows)
        return {finding.code: finding for finding in findings}

    return check


@pytest.mark.parametrize("nothing", [-1.0, 0.0, float("nan")])
def test_a_pupil_that_was_not_measured_is_found(of_eye, nothing):
    findings = of_eye(pl.lit(nothing).alias(f"{side}PupilDiam_NA") for side in ("Left", "Right"))
    assert list(findings) == ["pupil_not_measured"]


def test_confidence_instead_of_openness_is_found(of_eye):
    findings = of_eye(
        pl.col(f"{side}Confidence").alias(f"{side}Openness") for side in ("Left", "Right")
    )
    assert list(findings) == ["openness_is_confidence"]


def test_openness_of_other_lids_is_found(of_eye):
    findings = of_eye(pl.col("LeftOpenness").shift(30, fill_value=1.0) * 0.8)
    assert list(findings) == ["openness_inconsistent"]
    assert findings["openness_inconsistent"].lines[0][0] == 12


def test_rounded_openness_is_consistent(of_eye):
    assert of_eye(pl.col("LeftOpenness", "RightOpenness").round(2)) == {}


def test_eyes_that_never_close_are_found(of_eye):
    assert list(of_eye(pl.lit(0.1).alias(name) for name in ("BlinkL", "BlinkR"))) == ["blink_rate"]


def test_lids_that_flutter_are_found(of_eye):
    flutter = (pl.int_range(pl.len()) % 40 < 8).cast(pl.Float64)
    findings = of_eye(flutter.alias(name) for name in ("BlinkL", "BlinkR"))
    assert "115 blinks in 62 s" in findings["blink_rate"].message


def test_low_confidence_is_found(of_eye):
    low = pl.when(pl.int_range(pl.len()) % 5 == 0).then(0.3).otherwise(pl.col("LeftConfidence"))
    findings = of_eye(low.alias("LeftConfidence"))
    assert "lower in 20% of the rows" in findings["confidence_low"].message


@pytest.mark.parametrize(("error", "is_found"), [(0.04, False), (0.06, True)])
def test_openness_may_be_off_by_rounding(of_eye, error, is_found):
    # Open lids alone: closed ones are at 0 already.
    shifted = pl.when(pl.col("LeftOpenness") > 0.1).then(pl.col("LeftOpenness") - error)
    assert ("openness_inconsistent" in of_eye(shifted.otherwise(0.0))) is is_found


@pytest.mark.parametrize(("percent", "is_found"), [(4, False), (6, True)])
def test_openness_may_be_wrong_in_a_few_rows(of_eye, percent, is_found):
    wrong = pl.int_range(pl.len()) % 100 < percent
    flipped = pl.when(wrong).then(1 - pl.col("LeftOpenness")).otherwise(pl.col("LeftOpenness"))
    assert ("openness_inconsistent" in of_eye(flipped.alias("LeftOpenness"))) is is_found


@pytest.mark.parametrize(("watched_s", "is_found"), [(59, False), (61, True)])
def test_a_minute_may_pass_without_a_blink(tables, watched_s, is_found):
    never = [pl.lit(0.1).alias(name) for name in ("BlinkL", "BlinkR")]
    seen = [pl.lit(0.998).alias(f"{side}Confidence") for side in ("Left", "Right")]
    rows = watched_s * 72
    eye = tables.eye.with_columns(*never, *seen).head(rows)
    brief = dataclasses.replace(tables, head=tables.head.head(rows), eye=eye, combined=None)
    codes = [finding.code for finding in check_tables(brief, None)[0]]
    assert ("blink_rate" in codes) is is_found


def test_offsets_of_mixed_sign_are_found(recording, tables, rows):
    mixed = tables.combined.with_columns(
        GazeRelativeV=2 * pl.col("GazePitch") - pl.col("GazeRelativeV"), EyeHeadOffset=54.0
    )
    findings, measurements = check_tables(
        dataclasses.replace(tables, combined=mixed), recording, rows
    )
    assert [finding.code for finding in findings] == ["mixed_pitch_sign"]
    assert "an offset of 54.0 degrees in the median" in findings[0].message
    assert findings[0].file == "P1/video/combined.csv"
    assert measurements["recorded_offset_median_deg"] == 54


@pytest.mark.parametrize(("up_to_deg", "is_found"), [(1.9, False), (2.1, True)])
def test_a_level_head_shows_no_sign(tables, up_to_deg, is_found):
    """Signs are mixed; whether that shows depends on how far up and down the head goes."""
    rows = torch.arange(len(tables.head)).double()
    # Nine rows in ten are below nine tenths of the way.
    elevation_deg = up_to_deg / 0.9 * (rows % 100 / 50 - 1)
    zero = torch.zeros_like(rows)
    quaternion_xyzw = quaternion_from_angles(zero, torch.deg2rad(elevation_deg), zero)
    head = tables.head.with_columns(
        pl.Series(f"UnitQuaternion.{axis}", column.numpy())
        for axis, column in zip("xyzw", quaternion_xyzw.T, strict=True)
    )
    mixed = tables.combined.with_columns(
        GazeRelativeV=pl.col("GazePitch") + pl.Series(elevation_deg.numpy())
    )
    changed = dataclasses.replace(tables, head=head, combined=mixed, eye=None, face=None)
    codes = [finding.code for finding in check_tables(changed, None)[0]]
    assert codes == ["mixed_pitch_sign"] * is_found


def test_fixations_on_held_rows_are_found(recording, tables, rows):
    gaze = pl.concat_list("GazeDir.x", "GazeDir.y", "GazeDir.z")
    moved = tables.eye.select(gaze != gaze.shift(1)).to_series()
    naive = tables.eye.with_columns((~moved).fill_null(False).cast(pl.Float64).alias("IsFixating"))
    findings, measurements = check_tables(dataclasses.replace(tables, eye=naive), recording, rows)
    assert [finding.code for finding in findings] == ["fixations_on_held_rows"]
    assert findings[0].rows > 0.1 * recording.samples
    assert 0.4 < measurements["recorded_fixating_share"] < 0.6


def test_unknown_fixations_are_passed_over(recording, tables, rows):
    unknown = tables.eye.with_columns(pl.lit(float("nan")).alias("IsFixating"))
    findings, measurements = check_tables(dataclasses.replace(tables, eye=unknown), recording, rows)
    assert findings == []
    assert "recorded_fixating_share" not in measurements


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_column_of_the_gaze_with_the_wrong_sign_is_found(recording, tables, rows, axis):
    angles = tables.combined.select("GazeYaw", "GazePitch")
    mirrored = tables.eye.with_columns(-pl.col(f"GazeDir.{axis}"), *angles)
    findings, _ = check_tables(dataclasses.replace(tables, eye=mirrored), recording, rows)
    codes = {finding.code: finding for finding in findings}
    assert codes["gaze_angles_disagree"].file == "P1/video/eye.csv"


def test_gaze_angles_may_be_rounded(recording, tables, rows):
    angles = tables.combined.select("GazeYaw", "GazePitch")
    rounded = tables.eye.with_columns(pl.col("^GazeDir.*$").round(2), *angles)
    findings, _ = check_tables(dataclasses.replace(tables, eye=rounded), recording, rows)
    assert "gaze_angles_disagree" not in {finding.code for finding in findings}
