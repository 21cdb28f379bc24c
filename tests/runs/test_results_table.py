import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
import yaml

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.measurements import measure
from vpnet.evaluation.metrics_table import errors_by_user, metrics_table, user_matrix
from vpnet.geometry.directions import interpolate_directions
from vpnet.runs.results_table import results_over_seeds, results_table
from vpnet.table_files import write_table
from vpnet.text_table import TextTable

USERS = ["ada", "bob", "eve"]
STEPS_S = [step / 5 for step in range(1, 26)]


def numbers_of(
    name: str, evaluated: EvaluatedWindows, seed: int = 0, users: list[str] = USERS, **horizons: Any
) -> pl.DataFrame:
    """The metrics table of one model."""
    measured = measure(evaluated, **({"horizons_s": STEPS_S} | horizons))
    return metrics_table(
        {name: measured}, seed=seed, recording_users=users, recording_videos=["v"] * len(users)
    )


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
def rows(make_evaluated) -> dict[str, pl.DataFrame]:
    """`better` is nearer to the truth than `static`; `worse` has lost its shortest horizon."""
    static = towards_truth(make_evaluated((6, 3, 4), horizon=25), 0.5)
    worse = towards_truth(static, 0.2)
    worse.predicted[:, 0] = -worse.future[:, 0]
    models = {"better": towards_truth(static, 0.3), "worse": worse, "static": static}
    return {name: numbers_of(name, evaluated) for name, evaluated in models.items()}


def cells(table: TextTable, model: str, mean: str) -> dict[str, str]:
    section = next(section for section in table.sections if section[0][0] == model)
    row = next(row for row in section if row[1] == mean)
    return dict(zip(table.columns, row, strict=True))


def test_cells_are_the_means_of_the_metrics_table(rows):
    table = results_table(rows, bootstrap_draws=200)
    assert table.columns[:3] == ("model", "mean over", "0.2 s")
    assert table.columns[-2:] == ("0.2-1 s", "2-5 s")
    for name, numbers in rows.items():
        errors = errors_by_user(numbers)
        labels, per_user = user_matrix(errors)
        at = labels.index("2-5 s")
        low, high = bootstrap_interval(per_user[:, [at]], bootstrap_weights(3, 200, seed=0))
        users = cells(table, name, "users")
        expected = f"{per_user[:, at].mean():.2f} [{float(low):.2f}, {float(high):.2f}]"
        assert users["2-5 s"] == expected
        assert users["1 s"] == f"{per_user[:, labels.index('1 s')].mean():.2f}"
        of_range = errors.filter(pl.col("label") == "2-5 s")
        means = zip(of_range["error_deg"], (6, 3, 4), strict=True)
        over_windows = sum(error_deg * windows for error_deg, windows in means) / 13
        assert cells(table, name, "windows")["2-5 s"] == f"{over_windows:.2f}"
    assert table.footnotes[0] == (
        "13 windows of 3 users; in brackets: 95 % bootstrap interval over users"
    )


def test_one_user_has_no_interval_and_no_note_of_one(make_evaluated):
    table = results_table({"static": numbers_of("static", make_evaluated((1,), 25), users=["a"])})
    assert table.footnotes == ("1 window of 1 user",)
    assert "[" not in table.to_markdown()


def test_what_is_worse_than_static_says_so(rows):
    table = results_table(rows)
    assert cells(table, "worse", "users")["0.2 s"] == "180.00†"
    assert cells(table, "worse", "windows")["0.2 s"] == "180.00†"
    assert "†" not in cells(table, "worse", "users")["1 s"]
    assert table.footnotes[-1] == "† worse than static"
    del rows["worse"]
    clean = results_table(rows)
    assert "†" not in clean.to_markdown()


def test_a_table_without_the_baseline_is_refused(rows):
    del rows["static"]
    with pytest.raises(InputError, match="'static' is not among better, worse; evaluate it too"):
        results_table(rows)
    with pytest.raises(InputError, match="not among no models"):
        results_table({})


def test_tasks_of_different_reach_share_a_table(rows, make_evaluated):
    short = make_evaluated((2, 2, 2), horizon=3)
    rows["short"] = numbers_of("short", short, horizons_s=[0.2, 0.5, 1.0])
    table = results_table(rows)
    assert cells(table, "short", "users")["5 s"] == "–"
    assert "NOT the same windows" in table.footnotes[0]
    assert "short: 6 windows of 3 users" in table.footnotes[0]


@pytest.fixture
def evaluated_of(make_evaluated) -> Callable[..., tuple[EvaluatedWindows, list[str]]]:
    """Function that makes random predictions and names their users; all have the same truth."""

    def make(seed: int, windows: tuple[int, ...] = (4, 3, 5), users: list[str] = USERS):
        truth = make_evaluated(windows, horizon=25)
        other = make_evaluated(windows, horizon=25, seed=seed)
        evaluated = EvaluatedWindows(
            torch.nn.functional.normalize(truth.future + 0.5 * other.predicted, dim=-1),
            truth.future,
            truth.valid,
            truth.recording_index,
            truth.anchor_step,
        )
        return evaluated, users

    return make


@pytest.fixture
def write_run(tmp_path) -> Callable[..., Path]:
    """Function that writes a run folder with the numbers of these models."""

    def write(name: str, models: dict[str, tuple[EvaluatedWindows, list[str]]]) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        numbers = [numbers_of(model, *given[:1], users=given[1]) for model, given in models.items()]
        write_table(pl.concat(numbers), folder / "metrics.parquet")
        (folder / "metrics.json").write_text(json.dumps({"models": dict.fromkeys(models, {})}))
        return folder

    return write


def test_means_and_intervals_are_over_users_of_the_mean_over_seeds(evaluated_of, write_run):
    static = evaluated_of(9)
    runs = [
        write_run(f"seed_{seed}", {"lstm": evaluated_of(seed), "static": static})
        for seed in (1, 2, 3)
    ]
    table = results_over_seeds(runs, bootstrap_draws=2000)
    users, windows = (dict(zip(table.columns, row, strict=True)) for row in table.sections[0])
    errors = [errors_by_user(numbers_of("lstm", evaluated_of(seed)[0])) for seed in (1, 2, 3)]
    for name in ("0.2-1 s", "2-5 s"):
        at = [one.filter(pl.col("label") == name).sort("user")["error_deg"] for one in errors]
        per_user = [statistics.fmean(values) for values in zip(*at, strict=True)]
        # With three users the extreme resamples are the extreme users.
        interval = f"[{min(per_user):.2f}, {max(per_user):.2f}]"
        assert users[name].replace("†", "") == f"{statistics.fmean(per_user):.2f} {interval}"
        over_windows = sum(error * n for error, n in zip(per_user, (4, 3, 5), strict=True)) / 12
        assert windows[name].replace("†", "") == f"{over_windows:.2f}"
    assert table.footnotes[0].startswith("12 windows of 3 users")


def test_the_table_names_seeds_and_their_spread(evaluated_of, write_run):
    evaluated = [evaluated_of(seed) for seed in (1, 2)]
    static = evaluated_of(9)
    runs = [
        write_run(f"seed_{number}", {"fusion": one, "static": static})
        for number, one in enumerate(evaluated)
    ]
    table = results_over_seeds(runs, bootstrap_draws=50)
    assert [section[0][0] for section in table.sections] == ["fusion, 2 seeds", "static"]
    means = []
    for one, _ in evaluated:
        labels, per_user = user_matrix(errors_by_user(numbers_of("fusion", one)))
        means.append(per_user[:, labels.index("2-5 s")].mean().item())
    spread = statistics.stdev(means)
    assert table.footnotes[-1].startswith("standard deviation over seeds of the mean over users")
    assert f"2-5 s {spread:.2f}" in table.footnotes[-1]
    alone = results_over_seeds(runs[:1], bootstrap_draws=50)
    assert alone.sections[0][0][0] == "fusion"
    assert "standard deviation" not in " ".join(alone.footnotes)


def test_a_baseline_alone_is_a_run_too(evaluated_of, write_run):
    run = write_run("static", {"static": evaluated_of(1), "constant_velocity": evaluated_of(2)})
    table = results_over_seeds([run], bootstrap_draws=50)
    assert [section[0][0] for section in table.sections] == ["static", "constant_velocity"]


def test_several_seeds_of_the_baseline_are_a_table_too(evaluated_of, write_run):
    runs = [write_run(f"static_{n}", {"static": evaluated_of(1)}) for n in range(2)]
    table = results_over_seeds(runs, bootstrap_draws=50)
    assert table.sections[0][0][0] == "static, 2 seeds"


def test_runs_that_do_not_belong_together_are_refused(evaluated_of, write_run):
    static = evaluated_of(9)
    first = write_run("first", {"fusion": evaluated_of(1), "static": static})
    windows = write_run("windows", {"fusion": evaluated_of(1, (4, 3, 4)), "static": static})
    users = write_run(
        "users", {"fusion": evaluated_of(1, users=["ada", "bob", "zoe"]), "static": static}
    )
    for other in (windows, users):
        with pytest.raises(InputError, match=rf"{other.name}: was evaluated on other windows"):
            results_over_seeds([first, other])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"metrics.json: not found; a finished run folder has one"),
        ("", r"metrics.json: is not the metrics.json of a run"),
        ("[]", r"metrics.json: is not the metrics.json of a run"),
        ("{}", r"metrics.json: is not the metrics.json of a run, its entry models is missing"),
        ('{"models": {}}', r"metrics.json: is not the metrics.json of a run"),
        (
            '{"models": {"fusion": {}}}',
            r"metrics.parquet: not found; the run is of an earlier version .* evaluate it again",
        ),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=message):
        results_over_seeds([tmp_path])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), "is not a readable parquet file"),
        (lambda file: pl.DataFrame({"a": [1]}).write_parquet(file), "must have the columns"),
    ],
)
def test_a_damaged_metrics_table_is_refused(write_run, evaluated_of, damage, message):
    run = write_run("run", {"lstm": evaluated_of(1), "static": evaluated_of(9)})
    damage(run / "metrics.parquet")
    with pytest.raises(InputError, match=rf"metrics.parquet {message}"):
        results_over_seeds([run])


def test_a_folder_of_runs_is_not_a_run(write_run, evaluated_of):
    """That of a sweep, and that of an ablation."""
    run = write_run("ablation/full/seed_1", {"fusion": evaluated_of(1), "static": evaluated_of(9)})
    for folder, inner in ((run.parent, r"full/\*/"), (run.parent.parent, r"ablation/\*/\*/")):
        with pytest.raises(InputError, match=rf"a folder of runs, not a run; give .*/{inner}$"):
            results_over_seeds([folder])


@pytest.fixture
def write_lstm(evaluated_of, write_run) -> Callable[..., Path]:
    """Function that writes a run folder of an LSTM with a configuration."""

    def write(name: str, seed: int, **settings: Any) -> Path:
        run = write_run(name, {"lstm": evaluated_of(seed), "static": evaluated_of(9)})
        (run / "config.yaml").write_text(yaml.safe_dump({"seed": seed, **settings}))
        return run

    return write


def test_a_sweep_has_a_row_for_each_setting(write_lstm, write_run, evaluated_of):
    runs = [
        write_lstm("a", 1, model={"hidden": 8, "crowd": True}, crowd=True),
        write_lstm("b", 2, model={"hidden": 8, "crowd": False}, crowd=False),
        write_lstm("c", 2, model={"hidden": 8, "crowd": True}, crowd=True),
        write_lstm("d", 3, model={"hidden": 9, "crowd": False}, crowd=False),
        write_run("e", {"fusion": evaluated_of(4), "static": evaluated_of(9)}),
    ]
    table = results_over_seeds(runs, 50)
    assert [section[0][0] for section in table.sections] == [
        "lstm, crowd=True, model.hidden=8, 2 seeds",
        "lstm, crowd=False, model.hidden=8",
        "lstm, crowd=False, model.hidden=9",
        "fusion",
        "static",
    ]
    (note,) = (line for line in table.footnotes if line.startswith("standard deviation"))
    assert "(lstm, crowd=True, model.hidden=8, 2 seeds): 0.2-1 s" in note


def test_static_among_the_runs_is_the_baseline(write_run, write_lstm, evaluated_of):
    static = {"static": evaluated_of(9), "constant_velocity": evaluated_of(3)}
    runs = [write_lstm("a", 1), write_run("b", static), write_run("c", static)]
    table = results_over_seeds(runs, 50)
    assert [section[0][0] for section in table.sections] == [
        "lstm",
        "static, 2 seeds",
    ]


def test_runs_on_other_recordings_of_the_same_users_are_refused(write_run, evaluated_of):
    one, other = (
        write_run(f"seed_{n}", {"lstm": evaluated_of(n), "static": evaluated_of(7 + n)})
        for n in (1, 2)
    )
    with pytest.raises(InputError, match="was evaluated on other windows"):
        results_over_seeds([one, other], 50)


def test_a_seed_counts_once(write_lstm):
    runs = [write_lstm("a", 1), write_lstm("b", 2), write_lstm("c", 2)]
    with pytest.raises(InputError, match="both have seed 2"):
        results_over_seeds(runs, 50)
    with pytest.raises(InputError, match="both have seed 1"):
        results_over_seeds([runs[0], runs[0]], 50)


def test_a_file_among_the_runs_is_refused(tmp_path):
    file = tmp_path / "multirun.yaml"
    file.write_text("")
    with pytest.raises(InputError, match=r"multirun.yaml: is a file; give run folders, as SWEEP"):
        results_over_seeds([file])
