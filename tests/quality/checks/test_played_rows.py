import polars as pl
import pytest
import torch

from vpnet.quality.checks.played_rows import columns, lines_of, matched, played_rows


def test_rows_before_playback_are_left_out(recording, tables, rows):
    played = played_rows(tables.head, rows)
    assert played["row"].to_list() == rows.tolist()
    assert played["sample"].to_list() == list(range(recording.samples))
    assert played["elapsed_s"][0] == pytest.approx(10 / 72)


def test_rows_amid_playback_that_are_no_samples_stay(tables):
    played = played_rows(tables.head, torch.tensor([10, 11, 15, 16]))
    assert played["row"].to_list() == list(range(10, 17))
    assert played["sample"].to_list() == [0, 1, None, None, None, 2, 3]


def test_playback_that_is_not_known_leaves_every_row(tables):
    played = played_rows(tables.head, None)
    assert played["row"].to_list() == list(range(len(tables.head)))
    assert played["sample"].null_count() == len(played)


@pytest.mark.parametrize("per_s", [1, 1e3, 1e6, 1e9])
def test_time_since_the_first_row_is_in_seconds(tables, rows, per_s):
    played = played_rows(tables.head.with_columns(pl.col("Timestamp") * per_s), rows)
    assert played["elapsed_s"][-1] == pytest.approx((9 + len(rows)) / 72)


def test_dates_and_odd_units_give_no_elapsed_time(tables, rows):
    for odd in (pl.col("Timestamp").cast(pl.String), pl.col("Timestamp") * 1e-6):
        played = played_rows(tables.head.with_columns(odd), rows)
        assert played["elapsed_s"].null_count() == len(played)


def test_other_tables_are_matched_by_timestamp(tables, rows):
    played = played_rows(tables.head, rows)
    shorter = tables.eye.filter(pl.int_range(pl.len()) % 3 > 0)
    rows = matched(shorter, played)
    assert (rows["row"] // 2 * 3 + rows["row"] % 2 + 1).to_list() == rows["head_row"].to_list()
    dates = shorter.with_columns(pl.col("Timestamp").cast(pl.String))
    assert matched(dates, played).is_empty()
    assert set(matched(dates, played).columns) == set(rows.columns)


def test_lines_count_from_the_names(tables, rows):
    played = played_rows(tables.head, rows)
    chosen = torch.zeros(len(played), dtype=torch.bool)
    chosen[[0, 1, 5]] = True
    assert lines_of(played, chosen) == [(12, 13), (17, 17)]


def test_absent_values_are_not_numbers():
    assert columns(pl.DataFrame({"a": [1, None]}), ["a"]).isnan().tolist() == [[False], [True]]
