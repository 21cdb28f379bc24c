import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.runs.seeds import average_summaries, results_over_seeds
from vpnet.evaluation.summary import summarize

USERS = ["ada", "bob", "eve"]
STEPS_S = [step / 5 for step in range(1, 26)]


@pytest.fixture
def summary_of(make_evaluated) -> Callable[..., dict[str, Any]]:
    """Function that makes a summary of random predictions; the truth is the same for all seeds."""

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
        return summarize(evaluated, recording_users=users, horizons_s=STEPS_S, bootstrap_draws=100)

    return make


@pytest.fixture
def write_run(tmp_path) -> Callable[..., Path]:
    """Function that writes a run folder with a metrics.json of these models."""

    def write(name: str, models: dict[str, Any]) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps({"task": "t", "models": models}))
        return folder

    return write


def test_means_and_intervals_are_over_users_of_the_mean_over_seeds(summary_of):
    summaries = [summary_of(seed) for seed in (1, 2, 3)]
    averaged = average_summaries(summaries, bootstrap_draws=2000)
    assert averaged["window_count"] == 12
    assert averaged["user_count"] == 3
    for name in ("0.2-1 s", "2-5 s"):
        per_user = [
            statistics.fmean(
                summary["users"][user]["range_mean_deg"][name] for summary in summaries
            )
            for user in USERS
        ]
        block = averaged["ranges"][name]["error_deg"]
        assert block["mean_over_users"] == pytest.approx(statistics.fmean(per_user))
        low, high = block["interval"]
        # With three users the extreme resamples are the extreme users.
        assert (low, high) == pytest.approx((min(per_user), max(per_user)))
        assert block["mean_over_windows"] == pytest.approx(
            statistics.fmean(s["ranges"][name]["error_deg"]["mean_over_windows"] for s in summaries)
        )
    horizons = [row["horizon_s"] for row in averaged["horizons"]]
    assert horizons == [row["horizon_s"] for row in summaries[0]["horizons"]]


def test_one_seed_is_its_own_mean(summary_of):
    summary = summary_of(1)
    averaged = average_summaries([summary])
    for row, own in zip(averaged["horizons"], summary["horizons"], strict=True):
        for mean in ("mean_over_users", "mean_over_windows"):
            assert row["error_deg"][mean] == pytest.approx(own["error_deg"][mean])


def test_one_user_has_no_interval(summary_of):
    averaged = average_summaries([summary_of(1, (4,), ["ada"])])
    assert averaged["ranges"]["2-5 s"]["error_deg"]["interval"] is None


def test_the_table_names_seeds_and_their_spread(summary_of, write_run):
    summaries = [summary_of(seed) for seed in (1, 2)]
    static = summary_of(9)
    runs = [
        write_run(f"seed_{number}", {"fusion": summary, "static": static})
        for number, summary in enumerate(summaries)
    ]
    table = results_over_seeds(runs, bootstrap_draws=50)
    assert [section[0][0] for section in table.sections] == ["fusion, 2 seeds", "static"]
    spread = statistics.stdev(
        summary["ranges"]["2-5 s"]["error_deg"]["mean_over_users"] for summary in summaries
    )
    assert table.footnotes[-1].startswith("standard deviation over seeds of the mean over users")
    assert f"2-5 s {spread:.2f}" in table.footnotes[-1]
    alone = results_over_seeds(runs[:1], bootstrap_draws=50)
    assert alone.sections[0][0][0] == "fusion"
    assert "standard deviation" not in " ".join(alone.footnotes)


def test_a_baseline_alone_is_a_run_too(summary_of, write_run):
    run = write_run("static", {"static": summary_of(1), "constant_velocity": summary_of(2)})
    table = results_over_seeds([run], bootstrap_draws=50)
    assert [section[0][0] for section in table.sections] == ["static", "constant_velocity"]


def test_several_seeds_of_the_baseline_are_a_table_too(summary_of, write_run):
    runs = [write_run(f"static_{n}", {"static": summary_of(1)}) for n in range(2)]
    table = results_over_seeds(runs, bootstrap_draws=50)
    assert table.sections[0][0][0] == "static, 2 seeds"


def test_runs_that_do_not_belong_together_are_refused(summary_of, write_run):
    static = summary_of(9)
    first = write_run("first", {"fusion": summary_of(1), "static": static})
    windows = write_run("windows", {"fusion": summary_of(1, (4, 3, 4)), "static": static})
    users = write_run(
        "users", {"fusion": summary_of(1, users=["ada", "bob", "zoe"]), "static": static}
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
        ("{}", r"metrics.json: is not the metrics.json of a run: KeyError\('models'\)"),
        ('{"models": {}}', r"metrics.json: is not the metrics.json of a run"),
        ('{"models": {"fusion": {}}}', r"metrics.json: is not the metrics.json of a run"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=message):
        results_over_seeds([tmp_path])


def test_a_folder_of_runs_is_told_from_a_run(write_run, summary_of):
    """That of a sweep, and that of an ablation."""
    run = write_run("ablation/full/seed_1", {"fusion": summary_of(1), "static": summary_of(9)})
    for folder, inner in ((run.parent, r"full/\*/"), (run.parent.parent, r"ablation/\*/\*/")):
        with pytest.raises(InputError, match=rf"a folder of runs, not a run; give .*/{inner}$"):
            results_over_seeds([folder])


@pytest.fixture
def write_lstm(summary_of, write_run) -> Callable[..., Path]:
    """Function that writes a run folder of an LSTM with a configuration."""

    def write(name: str, seed: int, **settings: Any) -> Path:
        run = write_run(name, {"lstm": summary_of(seed), "static": summary_of(9)})
        (run / "config.yaml").write_text(yaml.safe_dump({"seed": seed, **settings}))
        return run

    return write


def test_a_sweep_has_a_row_for_each_setting(write_lstm, write_run, summary_of):
    runs = [
        write_lstm("a", 1, model={"hidden": 8, "crowd": True}, crowd=True),
        write_lstm("b", 2, model={"hidden": 8, "crowd": False}, crowd=False),
        write_lstm("c", 2, model={"hidden": 8, "crowd": True}, crowd=True),
        write_lstm("d", 3, model={"hidden": 9, "crowd": False}, crowd=False),
        write_run("e", {"fusion": summary_of(4), "static": summary_of(9)}),
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


def test_static_among_the_runs_is_the_baseline(write_run, write_lstm, summary_of):
    static = {"static": summary_of(9), "constant_velocity": summary_of(3)}
    runs = [write_lstm("a", 1), write_run("b", static), write_run("c", static)]
    table = results_over_seeds(runs, 50)
    assert [section[0][0] for section in table.sections] == [
        "lstm",
        "static, 2 seeds",
    ]


def test_runs_on_other_recordings_of_the_same_users_are_refused(write_run, summary_of):
    one, other = (
        write_run(f"seed_{n}", {"lstm": summary_of(n), "static": summary_of(7 + n)}) for n in (1, 2)
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
