import io

import pytest
from rich.console import Console

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.runs.results import results_table
from vpnet.evaluation.summary import summarize
from vpnet.evaluation.text_table import TextTable
from vpnet.geometry.directions import interpolate_directions

STEPS_S = [step / 5 for step in range(1, 26)]


def towards_truth(evaluated: EvaluatedWindows, share: float) -> EvaluatedWindows:
    """Predictions moved by a share of their error, for models of known order."""
    fraction = evaluated.valid.to(evaluated.future.dtype) * share
    return EvaluatedWindows(
        interpolate_directions(evaluated.predicted, evaluated.future, fraction),
        evaluated.future,
        evaluated.valid,
        evaluated.recording_index,
        evaluated.anchor_step,
    )


@pytest.fixture
def summaries(make_evaluated) -> dict:
    """`better` is nearer to the truth than `static`; `worse` has lost its shortest horizon."""
    static = towards_truth(make_evaluated((6, 3, 4), horizon=25), 0.5)
    worse = towards_truth(static, 0.2)
    worse.predicted[:, 0] = -worse.future[:, 0]
    models = {"better": towards_truth(static, 0.3), "worse": worse, "static": static}
    return {
        name: summarize(
            evaluated,
            recording_users=["ada", "bob", "eve"],
            horizons_s=STEPS_S,
            bootstrap_draws=200,
        )
        for name, evaluated in models.items()
    }


def cells(table: TextTable, model: str, mean: str) -> dict[str, str]:
    section = next(section for section in table.sections if section[0][0] == model)
    row = next(row for row in section if row[1] == mean)
    return dict(zip(table.columns, row, strict=True))


def test_cells_are_the_numbers_of_the_summary(summaries):
    table = results_table(summaries)
    assert table.columns[:3] == ("model", "mean over", "0.2 s")
    assert table.columns[-2:] == ("0.2-1 s", "2-5 s")
    for name, summary in summaries.items():
        error = summary["ranges"]["2-5 s"]["error_deg"]
        low, high = error["interval"]
        users = cells(table, name, "users")["2-5 s"]
        assert users == f"{error['mean_over_users']:.2f} [{low:.2f}, {high:.2f}]"
        assert cells(table, name, "windows")["2-5 s"] == f"{error['mean_over_windows']:.2f}"
        at_one = next(row for row in summary["horizons"] if row["horizon_s"] == 1.0)
        assert cells(table, name, "users")["1 s"] == f"{at_one['error_deg']['mean_over_users']:.2f}"


def test_what_is_worse_than_static_says_so(summaries):
    table = results_table(summaries)
    assert cells(table, "worse", "users")["0.2 s"] == "180.00†"
    assert cells(table, "worse", "windows")["0.2 s"] == "180.00†"
    assert "†" not in cells(table, "worse", "users")["1 s"]
    assert table.footnotes[-1] == "† worse than static"
    del summaries["worse"]
    clean = results_table(summaries)
    assert "†" not in clean.to_markdown()


def test_a_table_without_the_baseline_is_refused(summaries):
    del summaries["static"]
    with pytest.raises(InputError, match="'static' is not among better, worse; evaluate it too"):
        results_table(summaries)
    with pytest.raises(InputError, match="not among no models"):
        results_table({})


def test_tasks_of_different_reach_stand_side_by_side(summaries, make_evaluated):
    summaries["short"] = summarize(
        make_evaluated((2, 2, 2), horizon=3),
        recording_users=["ada", "bob", "eve"],
        horizons_s=[0.2, 0.5, 1.0],
        bootstrap_draws=50,
    )
    table = results_table(summaries)
    assert cells(table, "short", "users")["5 s"] == "–"
    assert "NOT the same windows" in table.footnotes[0]
    assert "short: 6 windows of 3 users" in table.footnotes[0]


def test_terminal_and_markdown_show_the_same_cells(summaries):
    table = results_table(summaries, title="Errors [deg]")
    console = Console(width=220, record=True, file=io.StringIO())
    console.print(table.to_rich())
    printed, written = console.export_text(), table.to_markdown()
    for section in table.sections:
        for row in section:
            for cell in row:
                assert cell in printed
                assert cell in written
    assert "Errors [deg]" in printed
    assert written.splitlines()[3].count("---") == len(table.columns)


def test_markdown_keeps_bars_inside_their_cell():
    table = TextTable("t", ("model", "error"), ((("a|b", "1.00"),),))
    assert r"| a\|b | 1.00 |" in table.to_markdown()


def test_a_row_needs_a_cell_per_column():
    with pytest.raises(ValueError, match="a row needs 2 cells"):
        TextTable("t", ("model", "error"), ((("a",),),))
