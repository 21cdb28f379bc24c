import csv

import pytest

from vpnet.runs.ablation import ablation_of
from vpnet.runs.ablation_table import (
    COLUMNS,
    ablation_csv,
    ablation_records,
    ablation_table,
)

FULL = {"ada": [(2.0, 12.0)], "bob": [(5.0, 30.0)]}
LESS = {"ada": [(3.0, 12.0)], "bob": [(9.0, 24.0)]}


@pytest.fixture
def page(leave_ablation_run, tmp_path) -> list[str]:
    """Lines of the Markdown of two rows, of which one lacks a seed."""
    for seed in (1, 2):
        leave_ablation_run("full", seed, FULL, absent_streams=("face",))
    leave_ablation_run("less", 1, LESS)
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
        leave_ablation_run(row, 1, FULL, **settings)
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
    leave_ablation_run("less", 1, LESS)
    ablation = ablation_of(tmp_path / "sweep")
    text = ablation_table(ablation).to_markdown()
    assert "no differences: the row that others are held against has no finished run" in text
    assert "| difference |" not in text
    assert {record["difference_deg"] for record in ablation_records(ablation)} == {None}


def test_the_csv_has_a_line_per_row_and_horizon(leave_ablation_run, tmp_path):
    leave_ablation_run("full", 1, FULL)
    leave_ablation_run("less", 1, LESS)
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
