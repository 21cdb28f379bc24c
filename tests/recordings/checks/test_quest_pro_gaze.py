import dataclasses

import polars as pl

from vpnet.recordings.checks.quest_pro import check_tables


def test_offsets_of_mixed_sign_are_found(recording, tables):
    mixed = tables.combined.with_columns(
        GazeRelativeV=2 * pl.col("GazePitch") - pl.col("GazeRelativeV"), EyeHeadOffset=54.0
    )
    findings, measurements = check_tables(dataclasses.replace(tables, combined=mixed), recording)
    assert [finding.code for finding in findings] == ["mixed_pitch_sign"]
    assert "an offset of 54.0 degrees in the median" in findings[0].message
    assert findings[0].file == "P1/video/combined.csv"
    assert measurements["recorded_offset_median_deg"] == 54


def test_a_level_head_shows_no_sign(recording, tables):
    level = tables.head.with_columns(
        pl.lit(0.0).alias("UnitQuaternion.x"),
        pl.lit(0.0).alias("UnitQuaternion.y"),
        pl.lit(0.0).alias("UnitQuaternion.z"),
        pl.lit(1.0).alias("UnitQuaternion.w"),
    )
    changed = dataclasses.replace(tables, head=level)
    assert check_tables(changed, recording)[0] == []


def test_fixations_on_held_rows_are_found(recording, tables):
    gaze = pl.concat_list("GazeDir.x", "GazeDir.y", "GazeDir.z")
    moved = tables.eye.select(gaze != gaze.shift(1)).to_series()
    naive = tables.eye.with_columns((~moved).fill_null(False).cast(pl.Float64).alias("IsFixating"))
    findings, measurements = check_tables(dataclasses.replace(tables, eye=naive), recording)
    assert [finding.code for finding in findings] == ["fixations_on_held_rows"]
    assert findings[0].rows > 0.1 * recording.samples
    assert 0.4 < measurements["recorded_fixating_share"] < 0.6


def test_unknown_fixations_are_passed_over(recording, tables):
    unknown = tables.eye.with_columns(pl.lit(float("nan")).alias("IsFixating"))
    findings, measurements = check_tables(dataclasses.replace(tables, eye=unknown), recording)
    assert findings == []
    assert "recorded_fixating_share" not in measurements
