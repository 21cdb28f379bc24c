import dataclasses

import polars as pl
import pytest
import torch

from vpnet.recordings.checks.played_rows import columns, lines_of, matched, played_rows


def test_rows_before_playback_are_left_out(recording, tables):
    played = played_rows(tables, recording)
    assert played["row"].to_list() == list(range(10, 10 + recording.samples))
    assert played["sample"].to_list() == list(range(recording.samples))
    assert played["elapsed_s"][0] == pytest.approx(10 / 72)


def test_rows_after_playback_are_left_out(recording, tables):
    tail = tables.head.tail(1)
    longer = tables.head
    for number in range(5):
        longer = longer.vstack(tail.with_columns(pl.col("Timestamp") + number + 1))
    played = played_rows(dataclasses.replace(tables, head=longer), recording)
    assert len(played) == recording.samples


def test_a_clock_at_0_leaves_every_row(tables):
    silent = tables.head.with_columns(pl.lit(0.0).alias("PlaybackTime"))
    played = played_rows(dataclasses.replace(tables, head=silent), None)
    assert len(played) == len(tables.head)
    assert played["sample"].null_count() == len(played)


@pytest.mark.parametrize("per_s", [1, 1e3, 1e6, 1e9])
def test_the_unit_of_timestamps_is_told_by_their_steps(recording, tables, per_s):
    head = tables.head.with_columns(pl.col("Timestamp") * per_s)
    played = played_rows(dataclasses.replace(tables, head=head), recording)
    assert played["elapsed_s"][-1] == pytest.approx((9 + recording.samples) / 72)


def test_dates_and_odd_units_give_no_elapsed_time(recording, tables):
    for odd in (pl.col("Timestamp").cast(pl.String), pl.col("Timestamp") * 1e-6):
        head = tables.head.with_columns(odd)
        played = played_rows(dataclasses.replace(tables, head=head), recording)
        assert played["elapsed_s"].null_count() == len(played)


def test_other_tables_are_matched_by_timestamp(recording, tables):
    played = played_rows(tables, recording)
    shorter = tables.eye.filter(pl.int_range(pl.len()) % 3 > 0)
    rows = matched(shorter, played)
    assert (rows["row"] // 2 * 3 + rows["row"] % 2 + 1).to_list() == rows["head_row"].to_list()
    dates = shorter.with_columns(pl.col("Timestamp").cast(pl.String))
    assert matched(dates, played).is_empty()
    assert set(matched(dates, played).columns) == set(rows.columns)


def test_lines_count_from_the_names(recording, tables):
    played = played_rows(tables, recording)
    chosen = torch.zeros(len(played), dtype=torch.bool)
    chosen[[0, 1, 5]] = True
    assert lines_of(played, chosen) == [(12, 13), (17, 17)]


def test_absent_values_are_not_numbers():
    assert columns(pl.DataFrame({"a": [1, None]}), ["a"]).isnan().tolist() == [[False], [True]]
