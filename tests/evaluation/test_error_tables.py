import math
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.evaluation.error_tables import (
    ERRORS_FILE,
    read_errors,
    row_tables,
)
from vpnet.evaluation.horizons import REPORT_HORIZONS_S
from vpnet.table_files import write_table

STEPS_S = [step / 5 for step in range(1, 26)]


@pytest.fixture
def described() -> dict:
    return {
        "recording_users": ["ada", "bob"],
        "recording_videos": ["lake", "city"],
        "horizons_s": STEPS_S,
        "sampling_rate_hz": 5.0,
    }


@pytest.fixture
def errors(make_evaluated, described) -> pl.DataFrame:
    return row_tables(make_evaluated((3, 2), horizon=25), **described).errors


def test_one_row_per_window_and_step(make_evaluated, described):
    evaluated = make_evaluated((3, 2), horizon=25)
    evaluated.valid[4, 10:] = False
    evaluated.future[4, 10:] = math.nan
    table = row_tables(evaluated, **described).errors
    assert len(table) == 4 * 25 + 10
    assert table["error_deg"].is_not_nan().all()
    assert not table["interpolated"].any()
    row = table.row(
        by_predicate=(pl.col("user") == "bob")
        & (pl.col("anchor_s") == 7.0)
        & (pl.col("horizon_s") == 0.6),
        named=True,
    )
    assert row["video"] == "city"
    cosine = float((evaluated.predicted[4, 2] * evaluated.future[4, 2]).sum())
    assert row["error_deg"] == pytest.approx(math.degrees(math.acos(cosine)))


def test_reported_horizons_between_steps_are_marked(make_evaluated, described):
    evaluated = make_evaluated((3, 2), horizon=25)
    evaluated.valid[0, 1] = False
    reported_s = (*REPORT_HORIZONS_S, 9.0)
    table = row_tables(evaluated, **described, report_horizons_s=reported_s).errors
    between = table.filter("interpolated")
    assert between["horizon_s"].unique().to_list() == [0.5]
    assert len(between) == 4, "0.4 s is unknown in one window, so 0.5 s is unknown too"
    assert len(table) == 5 * 25 - 1 + 4


def test_predictions_have_the_keys_of_the_errors(make_evaluated, described, errors):
    evaluated = make_evaluated((3, 2), horizon=25)
    table = row_tables(evaluated, **described).predictions
    keys = ["user", "video", "anchor_s", "horizon_s"]
    assert table.select(keys).equals(errors.select(keys))
    directions = torch.from_numpy(table.select("x", "y", "z").to_numpy().copy())
    torch.testing.assert_close(directions, evaluated.predicted.reshape(-1, 3).float())


def test_one_moment_is_one_key_on_every_clock(make_evaluated, described):
    evaluated = make_evaluated((3, 2), horizon=3)
    evaluated.anchor_step.fill_(215)
    at_thirty = row_tables(
        evaluated,
        **(described | {"horizons_s": [6 / 30, 7 / 30, 9 / 30], "sampling_rate_hz": 30.0}),
    ).errors
    assert at_thirty["horizon_s"].to_list()[:3] == [0.2, 0.233333, 0.3]
    assert at_thirty["anchor_s"][0] == 7.166667


def test_written_tables_come_back(errors, tmp_path: Path):
    run = tmp_path / "new" / "run"
    write_table(errors, run / ERRORS_FILE)
    assert read_errors(run).equals(errors)
    assert [file.name for file in run.iterdir()] == [ERRORS_FILE], "no temporary file stays"


def test_a_write_that_fails_leaves_the_old_file(errors, tmp_path: Path):
    write_table(errors, tmp_path / ERRORS_FILE)
    # A column of Python objects cannot be written as parquet.
    broken = pl.DataFrame({"user": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(Exception, match="(?i)object"):
        write_table(broken, tmp_path / ERRORS_FILE)
    assert read_errors(tmp_path).equals(errors)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_without_errors_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"errors.parquet not found; name the folder of a run"):
        read_errors(tmp_path)


def test_a_damaged_file_is_refused(errors, tmp_path: Path):
    write_table(errors, tmp_path / ERRORS_FILE)
    whole = (tmp_path / ERRORS_FILE).read_bytes()
    (tmp_path / ERRORS_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is not a readable parquet file"):
        read_errors(tmp_path)


def test_other_tables_are_refused(errors, tmp_path: Path):
    write_table(errors.drop("video"), tmp_path / ERRORS_FILE)
    with pytest.raises(InputError, match="must have the columns user String, video String"):
        read_errors(tmp_path)
    write_table(errors.clear(), tmp_path / ERRORS_FILE)
    with pytest.raises(InputError, match="has no row: no window was evaluated"):
        read_errors(tmp_path)
    write_table(pl.concat((errors, errors[:3])), tmp_path / ERRORS_FILE)
    with pytest.raises(InputError, match="one row per window and horizon, 3 are repeated"):
        read_errors(tmp_path)
