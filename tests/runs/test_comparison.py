from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vpnet.errors import InputError
from vpnet.evaluation.error_tables import ERRORS_FILE, row_tables
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.horizons import REPORT_HORIZONS_S
from vpnet.evaluation.measurements import measure
from vpnet.evaluation.metrics_table import errors_by_user, metrics_table, user_matrix
from vpnet.runs.comparison import compare_runs
from vpnet.table_files import write_table

STEPS_S = [step / 5 for step in range(1, 26)]
USERS, VIDEOS = ["ada", "bob", "ada", "eve"], ["lake", "lake", "city", "city"]
COUNTS = (5, 4, 3, 6)


@pytest.fixture
def leave_run(tmp_path: Path):
    """Writes errors.parquet of an evaluation into a folder, as a test run does."""

    def leave(name: str, evaluated: EvaluatedWindows) -> Path:
        table = row_tables(
            evaluated,
            recording_users=USERS,
            recording_videos=VIDEOS,
            horizons_s=STEPS_S,
            sampling_rate_hz=5.0,
            report_horizons_s=REPORT_HORIZONS_S,
        ).errors
        write_table(table, tmp_path / name / ERRORS_FILE)
        return tmp_path / name

    return leave


@pytest.fixture
def shift_errors():
    """Adds a constant to the errors that a run has left, in place."""

    def shift(run: Path, degrees: pl.Expr | float) -> None:
        table = pl.read_parquet(run / ERRORS_FILE).with_columns(pl.col("error_deg") + degrees)
        write_table(table, run / ERRORS_FILE)

    return shift


def test_both_sides_agree_with_their_metrics_tables(leave_run, make_evaluated):
    one, other = (make_evaluated(COUNTS, horizon=25, seed=seed) for seed in (1, 2))
    other.future, other.valid = one.future, one.valid
    one.valid[3, 7:20] = False
    comparison = compare_runs([leave_run("one", one)], [leave_run("other", other)])
    expected = [
        {
            label: user_matrix(errors)[1].nanmean().item()
            for (label,), errors in errors_by_user(
                metrics_table(
                    {"own": measure(side, horizons_s=STEPS_S)},
                    seed=1,
                    recording_users=USERS,
                    recording_videos=VIDEOS,
                )
            ).group_by("label", maintain_order=True)
        }
        for side in (one, other)
    ]
    assert [error.label for error in comparison.errors] == list(expected[0])
    for error in comparison.errors:
        baseline, candidate = (means[error.label] for means in expected)
        assert error.baseline_deg == pytest.approx(baseline)
        assert error.candidate_deg == pytest.approx(candidate)
        assert error.difference_deg == pytest.approx(candidate - baseline)
        assert error.gain_percent == pytest.approx((baseline - candidate) / baseline * 100)
        assert error.user_count == 3


def test_a_difference_that_all_users_share_is_certain(leave_run, make_evaluated, shift_errors):
    evaluated = make_evaluated(COUNTS, horizon=25)
    baseline, candidate = leave_run("baseline", evaluated), leave_run("candidate", evaluated)
    shift_errors(candidate, -2.0)
    for error in compare_runs([baseline], [candidate]).errors:
        assert error.difference_deg == pytest.approx(-2.0)
        assert error.interval_deg == pytest.approx((-2.0, -2.0))
        assert error.is_clear
        assert error.gain_percent > 0


def test_the_interval_is_over_users_of_paired_differences(leave_run, make_evaluated, shift_errors):
    evaluated = make_evaluated(COUNTS, horizon=25)
    baseline, candidate = leave_run("baseline", evaluated), leave_run("candidate", evaluated)
    per_user = {"ada": -3.0, "bob": 1.0, "eve": 5.0}
    shift_errors(candidate, pl.col("user").replace_strict(per_user, return_dtype=pl.Float64))
    error = compare_runs([baseline], [candidate]).errors[0]
    resamples = np.random.default_rng(0).choice([-3.0, 1.0, 5.0], size=(20_000, 3)).mean(1)
    assert error.difference_deg == pytest.approx(1.0)
    assert error.interval_deg == pytest.approx(np.percentile(resamples, [2.5, 97.5]), abs=0.01)
    assert not error.is_clear


def test_seeds_are_averaged_per_window(leave_run, make_evaluated, shift_errors):
    evaluated = make_evaluated(COUNTS, horizon=25)
    baseline = leave_run("baseline", evaluated)
    seeds = [leave_run(f"seed_{seed}", evaluated) for seed in range(3)]
    for run, degrees in zip(seeds, (1.0, 2.0, 6.0), strict=True):
        shift_errors(run, degrees)
    comparison = compare_runs([baseline], seeds)
    for error in comparison.errors:
        assert error.difference_deg == pytest.approx(3.0)
    assert comparison.errors[0].window_count == sum(COUNTS)
    assert "mean of 3 seeds" in comparison.to_table().to_markdown()


def test_a_comparison_can_be_repeated_to_the_last_digit(leave_run, make_evaluated):
    one, other = (make_evaluated((400, 300, 200, 100), horizon=25, seed=seed) for seed in (1, 2))
    runs = [leave_run("one", one)], [leave_run("other", other)]
    first = compare_runs(*runs, bootstrap_draws=10).errors
    for _ in range(5):
        assert compare_runs(*runs, bootstrap_draws=10).errors == first


def test_different_windows_are_refused_and_counted(leave_run, make_evaluated):
    whole = leave_run("whole", make_evaluated(COUNTS, horizon=25))
    fewer = leave_run("fewer", make_evaluated((5, 4, 3, 4), horizon=25))
    more = leave_run("more", make_evaluated((5, 4, 4, 5), horizon=25))
    with pytest.raises(InputError, match=r"52 of 468 rows of \S+whole are missing in \S+fewer, 0 "):
        compare_runs([whole], [fewer])
    with pytest.raises(InputError, match=r"26 of 468 rows .*, 26 of 468 the other way round; test"):
        compare_runs([whole], [more])
    with pytest.raises(InputError, match=r"rows of \S+whole are missing in \S+fewer"):
        compare_runs([whole], [whole, fewer])


def test_a_side_without_runs_is_refused(leave_run, make_evaluated):
    run = leave_run("run", make_evaluated(COUNTS, horizon=25))
    with pytest.raises(InputError, match="the candidate has no run; name at least one folder"):
        compare_runs([run], [])
    with pytest.raises(InputError, match="the baseline has no run"):
        compare_runs([], [run])


def test_a_side_holds_the_seeds_of_one_experiment(leave_run, make_evaluated):
    evaluated = make_evaluated(COUNTS, horizon=25)
    runs = []
    for name, settings in (("a", "seed: 1"), ("b", "seed: 2"), ("c", "seed: 2\nuser_embed: true")):
        runs.append(leave_run(name, evaluated))
        (runs[-1] / "config.yaml").write_text(settings)
    compare_runs(runs[:2], runs[2:])
    with pytest.raises(
        InputError, match=r"c: its user_embed is True, .* these are the candidate: name"
    ):
        compare_runs(runs[:1], [runs[0], runs[2]])
    with pytest.raises(InputError, match="both have seed 1"):
        compare_runs([runs[0], runs[0]], runs[1:2])


def test_reported_horizons_must_be_there(leave_run, make_evaluated):
    run = leave_run("run", make_evaluated(COUNTS, horizon=25))
    table = pl.read_parquet(run / ERRORS_FILE).filter(pl.col("horizon_s") < 0.5)
    write_table(table, run / ERRORS_FILE)
    with pytest.raises(InputError, match=r"none of the horizons 1 s, 2 s is in \S+run; choose"):
        compare_runs([run], [run], report_horizons_s=(1.0, 2.0))


def test_the_table_marks_clear_differences(leave_run, make_evaluated, shift_errors):
    evaluated = make_evaluated(COUNTS, horizon=25)
    baseline, candidate = leave_run("baseline", evaluated), leave_run("candidate", evaluated)
    shift_errors(candidate, 4.0)
    table = compare_runs([baseline], [candidate]).to_table()
    assert len(table.sections[0]) == len(REPORT_HORIZONS_S) + 2
    for row in table.sections[0]:
        assert row[3] == "+4.00 [+4.00, +4.00]*"
        assert row[4].startswith("-")
    assert f"{sum(COUNTS)} windows of 3 users" in table.footnotes[-1]
