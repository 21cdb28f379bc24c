import csv
import shutil

import pytest

from vpnet.errors import InputError
from vpnet.runs.ablation_table import (
    COLUMNS,
    ablation_csv,
    ablation_of,
    ablation_records,
    ablation_table,
)

FULL = {"ada": [(2.0, 10.0), (4.0, 20.0)], "bob": [(5.0, 30.0)]}
"""Per user 3 and 5 at 0.2 s, 15 and 30 at 1 s: means over users 4 and 22.5."""
LESS = {"ada": [(3.0, 10.0), (7.0, 20.0)], "bob": [(9.0, 24.0)]}
"""Per user 5 and 9 at 0.2 s, 15 and 24 at 1 s: means over users 7 and 19.5."""
WORSE = {"ada": [(5.0, 10.0), (9.0, 20.0)], "bob": [(15.0, 30.0)]}
"""Per user 7 and 15 at 0.2 s, as FULL at 1 s."""


def test_rows_are_compared_with_the_first_user_by_user(leave_ablation_run, tmp_path):
    leave_ablation_run("less", 1, LESS)
    leave_ablation_run("full", 1, FULL)
    ablation = ablation_of(tmp_path / "sweep")
    assert [row.name for row in ablation.rows] == ["full", "less", "static"]
    assert [row.label for row in ablation.rows] == ["label of full", "label of less", "static"]
    assert [row.is_compared for row in ablation.rows] == [False, True, True]
    first, less, static = ablation.rows
    assert [error.label for error in less.errors] == ["0.2 s", "1 s", "0.2-1 s"]
    assert [error.candidate_deg for error in first.errors] == pytest.approx([4.0, 22.5, 13.25])
    at_short, at_long, over_range = less.errors
    # ada +2, bob +4; with two users the extreme resamples are the users.
    assert (at_short.candidate_deg, at_short.difference_deg) == pytest.approx((7.0, 3.0))
    assert at_short.interval_deg == pytest.approx((2.0, 4.0))
    assert at_short.gain_percent == pytest.approx(-75.0)
    assert at_short.is_clear
    # ada 0, bob -6.
    assert (at_long.candidate_deg, at_long.difference_deg) == pytest.approx((19.5, -3.0))
    assert at_long.interval_deg == pytest.approx((-6.0, 0.0))
    assert not at_long.is_clear
    # ada (2 + 0) / 2, bob (4 - 6) / 2.
    assert over_range.difference_deg == pytest.approx(0.0)
    assert over_range.interval_deg == pytest.approx((-1.0, 1.0))
    # Static is 10 everywhere: ada +7, bob +5 at 0.2 s.
    assert static.runs == ()
    assert static.errors[0].candidate_deg == pytest.approx(10.0)
    assert static.errors[0].difference_deg == pytest.approx(6.0)
    assert static.errors[0].interval_deg == pytest.approx((5.0, 7.0))
    assert static.errors[0].window_count == 3


def test_seeds_are_averaged_first(leave_ablation_run, tmp_path):
    for seed in (1, 2):
        leave_ablation_run("full", seed, FULL)
    leave_ablation_run("less", 1, LESS)
    leave_ablation_run("less", 2, WORSE)
    ablation = ablation_of(tmp_path / "sweep")
    _, less, _ = ablation.rows
    assert len(less.runs) == 2
    assert ablation.seeds == (1, 2)
    assert ablation.incomplete == ()
    # ada (5 + 7) / 2 and bob (9 + 15) / 2, less 3 and 5.
    assert less.errors[0].candidate_deg == pytest.approx(9.0)
    assert less.errors[0].interval_deg == pytest.approx((3.0, 7.0))
    # The seeds' means over users are 7 and 11 at 0.2 s, 19.5 and 22.5 at 1 s.
    assert less.seed_deviation_deg[:2] == pytest.approx((4 / 2**0.5, 3 / 2**0.5))
    assert ablation.rows[-1].seed_deviation_deg == ()


def test_what_is_missing_is_said_and_the_rest_is_there(leave_ablation_run, tmp_path):
    rows = {"rows": "full,less,never"}
    for seed in (1, 2, 3):
        leave_ablation_run("full", seed, FULL, **rows)
    leave_ablation_run("less", 2, LESS, **rows)
    leave_ablation_run("less", 3, {}, is_finished=False, **rows)
    ablation = ablation_of(tmp_path / "sweep")
    assert [row.name for row in ablation.rows] == ["full", "less", "static"]
    assert ablation.incomplete == ("less lacks seed 1, 3",)
    assert ablation.not_run == ("never",)
    assert ablation.rows[1].errors[0].difference_deg == pytest.approx(3.0)


def test_without_the_first_row_nothing_is_compared(leave_ablation_run, tmp_path):
    leave_ablation_run("less", 1, LESS)
    leave_ablation_run("full", 1, {}, is_finished=False)
    ablation = ablation_of(tmp_path / "sweep")
    assert ablation.incomplete == ("full has no finished run",)
    assert ablation.not_run == ()
    assert [row.is_compared for row in ablation.rows] == [False, False]
    assert [row.errors[0].candidate_deg for row in ablation.rows] == pytest.approx([7.0, 10.0])


def test_what_the_data_lack_and_what_differs_is_kept(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL, absent_streams=("eye", "face"))
    leave_ablation_run("less", 1, FULL, absent_streams=("eye",), lr=0.2)
    ablation = ablation_of(tmp_path / "sweep")
    assert ablation.absent_streams == ("eye", "face")
    assert ablation.differing == ("lr", "model.variant")


def test_runs_of_a_row_that_differ_are_refused(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL)
    leave_ablation_run("full", 2, FULL, lr=0.2)
    with pytest.raises(
        InputError, match=r"seed_2: its lr is 0.2, that of .*seed_1 is 0.1; .*another folder"
    ):
        ablation_of(tmp_path / "sweep")


def test_a_run_that_counts_twice_is_refused(leave_ablation_run, tmp_path):
    run = leave_ablation_run("full", 1, FULL)
    shutil.copytree(run, run.with_name("seed_2"))
    with pytest.raises(InputError, match="both have seed 1"):
        ablation_of(tmp_path / "sweep")


def test_rows_on_other_windows_are_refused(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL)
    leave_ablation_run("less", 1, {"ada": [(3.0, 10.0)], "bob": [(9.0, 24.0)]})
    with pytest.raises(InputError, match="runs are compared on the same windows and horizons"):
        ablation_of(tmp_path / "sweep")


@pytest.mark.parametrize("begun", [True, False])
def test_a_folder_without_a_finished_run_is_refused(leave_ablation_run, tmp_path, begun):
    if begun:
        leave_ablation_run("full", 1, {}, is_finished=False)
    with pytest.raises(InputError, match="sweep: holds no finished run of an ablation; give the"):
        ablation_of(tmp_path / "sweep")


TABLE_FULL = {"ada": [(2.0, 12.0)], "bob": [(5.0, 30.0)]}
TABLE_LESS = {"ada": [(3.0, 12.0)], "bob": [(9.0, 24.0)]}


@pytest.fixture
def page(leave_ablation_run, tmp_path) -> list[str]:
    """Lines of the Markdown of two rows, of which one lacks a seed."""
    for seed in (1, 2):
        leave_ablation_run("full", seed, TABLE_FULL, absent_streams=("face",))
    leave_ablation_run("less", 1, TABLE_LESS)
    return ablation_table(ablation_of(tmp_path / "sweep")).to_markdown().splitlines()


def test_a_row_has_its_error_difference_interval_and_gain(page):
    assert page[0] == "**sweep: great-circle error in degrees, mean over users**"
    assert page[2] == "| row |  | 0.2 s | 1 s | 0.2-1 s |"
    assert page[4:11] == [
        "| label of full, 2 seeds | error | 3.50 | 21.00† | 12.25† |",
        "|  | sd of seeds | 0.00 | 0.00 | 0.00 |",
        "| label of less, 1 of 2 seeds | error | 6.00 | 18.00† | 12.00† |",
        # ada +1 and 0, bob +4 and -6: over both steps +0.5 and -1.
        "|  | difference | +2.50* | -3.00 | -0.25 |",
        "|  | low | +1.00 | -6.00 | -1.00 |",
        "|  | high | +4.00 | +0.00 | +0.50 |",
        "|  | gain | -71.4 % | +14.3 % | +2.0 % |",
    ]
    assert page[11].startswith("| static | error | 10.00 | 10.00 | 10.00 |")


def test_footnotes_say_how_to_read_it(page):
    notes = "\n".join(page)
    assert "2 windows of 2 users" in notes
    assert "difference: to label of full, paired per user" in notes
    assert "† worse than static" in notes
    assert "the data lack face: rows that differ in nothing else are one model" in notes
    assert "rows differ in model.variant" in notes
    assert "INCOMPLETE: less lacks seed 2" in notes


def test_rows_that_are_one_model_are_named(leave_ablation_run, tmp_path):
    for row in ("full", "more", "less"):
        settings = {} if row == "less" else {"model": {"variant": "one"}}
        leave_ablation_run(row, 1, TABLE_FULL, **settings)
    notes = "\n".join(ablation_table(ablation_of(tmp_path / "sweep")).footnotes)
    assert "ONE MODEL: more has the settings of full, so it shows nothing" in notes


def test_a_complete_table_is_not_called_incomplete(leave_ablation_run, tmp_path):
    for row in ("full", "less"):
        leave_ablation_run(row, 1, {"ada": [(2.0, 9.0)], "bob": [(5.0, 8.0)]})
    notes = "\n".join(ablation_table(ablation_of(tmp_path / "sweep")).footnotes)
    assert "INCOMPLETE" not in notes
    assert "the data lack" not in notes
    assert "†" not in notes


def test_one_user_has_no_interval(leave_ablation_run, tmp_path):
    for row in ("full", "less"):
        leave_ablation_run(row, 1, {"ada": [(2.0, 9.0)]})
    ablation = ablation_of(tmp_path / "sweep")
    assert "|  | low | – | – | – |" in ablation_table(ablation).to_markdown()
    assert {record["low_deg"] for record in ablation_records(ablation)} == {None}


def test_without_the_first_row_there_are_no_differences(leave_ablation_run, tmp_path):
    leave_ablation_run("less", 1, TABLE_LESS)
    ablation = ablation_of(tmp_path / "sweep")
    text = ablation_table(ablation).to_markdown()
    assert "no differences: the row that others are compared with has no finished run" in text
    assert "| difference |" not in text
    assert {record["difference_deg"] for record in ablation_records(ablation)} == {None}


def test_the_csv_has_a_line_per_row_and_horizon(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, TABLE_FULL)
    leave_ablation_run("less", 1, TABLE_LESS)
    lines = list(csv.DictReader(ablation_csv(ablation_of(tmp_path / "sweep")).splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert [(line["row"], line["horizon"]) for line in lines] == [
        (row, horizon)
        for row in ("full", "less", "static")
        for horizon in ("0.2 s", "1 s", "0.2-1 s")
    ]
    assert list(lines[0].values()) == ["full", "1", "0.2 s", "3.5", *[""] * 6]
    less = lines[3]
    assert (less["seeds"], less["is_clear"]) == ("1", "True")
    told = ("error_deg", "difference_deg", "low_deg", "high_deg", "gain_percent")
    numbers = [float(less[name]) for name in told]
    assert numbers == pytest.approx([6.0, 2.5, 1.0, 4.0, -250 / 3.5])
    assert lines[6]["seeds"] == "", "static learns nothing"


def test_the_csv_has_the_spread_over_seeds(leave_ablation_run, tmp_path):
    for seed, error_deg in ((1, 2.0), (2, 4.0)):
        leave_ablation_run("full", seed, {"ada": [(error_deg, 9.0)], "bob": [(5.0, 9.0)]})
    first = ablation_records(ablation_of(tmp_path / "sweep"))[0]
    assert first["seed_sd_deg"] == pytest.approx(0.5**0.5), "means over users of 3.5 and 4.5"
