import dataclasses

import polars as pl
import pytest
import torch

from vpnet.geometry.rotations import quaternion_from_angles
from vpnet.quality.checks.quest_pro import check_tables


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
