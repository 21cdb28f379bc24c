import dataclasses

import polars as pl
import pytest

from vpnet.quality.checks.quest_pro import check_tables


def test_clean_tables_are_silent(recording, tables, rows):
    findings, measurements = check_tables(tables, recording, rows)
    assert findings == []
    expected = {
        "row_rate_hz": 72,
        "playback_speed": 1,
        "rows_before_playback": 10,
        "blinks_per_min": 15,
    }
    assert {name: measurements[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    assert set(measurements) - set(expected) == {
        "recorded_offset_median_deg",
        "recorded_fixating_share",
    }


def test_layout_v1_has_no_blinks_and_frames(recording, tables, rows):
    v1 = dataclasses.replace(
        tables,
        head=tables.head.drop("VideoFrame"),
        eye=tables.eye.drop("BlinkL", "BlinkR"),
    )
    assert check_tables(v1, recording, rows)[0] == []


def test_head_alone_can_be_checked(tables):
    alone = dataclasses.replace(tables, eye=None, face=None, combined=None)
    findings, measurements = check_tables(alone, None)
    assert findings == []
    assert measurements["row_rate_hz"] == pytest.approx(72)


def test_dates_as_timestamps_are_no_obstacle(recording, tables, rows):
    dates = {
        name: getattr(tables, name).with_columns(pl.col("Timestamp").cast(pl.String))
        for name in ("head", "eye", "face", "combined")
    }
    findings, measurements = check_tables(dataclasses.replace(tables, **dates), recording, rows)
    assert findings == []
    assert "playback_speed" not in measurements
    assert "recorded_fixating_share" in measurements


def test_samples_are_found_by_row_whatever_the_clock(recording, tables, rows):
    """PlaybackTime that is 0 throughout tells no rows apart."""
    clock = {
        name: getattr(tables, name).with_columns(pl.lit(0.0).alias("PlaybackTime"))
        for name in ("head", "eye", "face", "combined")
    }
    _, expected = check_tables(tables, recording, rows)
    findings, measurements = check_tables(dataclasses.replace(tables, **clock), recording, rows)
    assert findings == []
    share = measurements["recorded_fixating_share"]
    assert share == expected["recorded_fixating_share"] > 0.5


@pytest.mark.parametrize("name", ["eye", "face", "combined"])
def test_a_foreign_table_is_left_to_the_reader(recording, tables, rows, name):
    foreign = getattr(tables, name).with_columns(pl.col("Timestamp") + 1e4)
    assert check_tables(dataclasses.replace(tables, **{name: foreign}), recording, rows)[0] == []
