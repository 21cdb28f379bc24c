import json
import math
import statistics

import numpy as np
import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.measurements import measure
from vpnet.evaluation.summary import summarize

STEPS_S = [step / 5 for step in range(1, 26)]
USERS = ["ada", "bob", "ada", "eve"]
COUNTS = (5, 4, 3, 6)


def summary_of(evaluated: EvaluatedWindows, **changes):
    measured = measure(evaluated, **({"horizons_s": STEPS_S} | changes))
    return summarize(measured, recording_users=USERS, bootstrap_draws=500)


def mean_errors_deg(summary, mean: str = "mean_over_users") -> dict[str, float | None]:
    """By horizon and range."""
    labelled = {f"{row['horizon_s']:g} s": row for row in summary["horizons"]}
    return {name: row["error_deg"][mean] for name, row in (labelled | summary["ranges"]).items()}


def long_table(evaluated: EvaluatedWindows) -> pl.DataFrame:
    """User, window, step and arc-cosine error of every valid entry, for independent checks."""
    cosine = np.clip((evaluated.predicted.numpy() * evaluated.future.numpy()).sum(-1), -1, 1)
    windows, steps = np.nonzero(evaluated.valid.numpy())
    return pl.DataFrame(
        {
            "user": [USERS[r] for r in evaluated.recording_index[windows].tolist()],
            "window": windows,
            "step": steps + 1,
            "error": np.degrees(np.arccos(cosine))[windows, steps],
        }
    )


@pytest.fixture
def evaluated(make_evaluated) -> EvaluatedWindows:
    """Simulated errors; some future directions are unknown, all of bob's at 5 s."""
    evaluated = make_evaluated(COUNTS, horizon=25)
    generator = torch.Generator().manual_seed(7)
    evaluated.valid[:] = torch.rand(evaluated.valid.shape, generator=generator) > 0.2
    evaluated.valid[evaluated.recording_index == 1, 24] = False
    evaluated.future[~evaluated.valid] = math.nan
    return evaluated


def test_errors_agree_with_a_group_by(evaluated):
    table, summary = long_table(evaluated), summary_of(evaluated)
    for row in summary["horizons"]:
        if row["horizon_s"] == 0.5:
            continue
        at = table.filter(pl.col("step") == round(row["horizon_s"] * 5))
        per_user = at.group_by("user").agg(pl.col("error").mean()).sort("user")
        found = row["error_deg"]
        assert found["mean_over_windows"] == pytest.approx(at["error"].mean())
        assert found["mean_over_users"] == pytest.approx(per_user["error"].mean())
        assert found["std_over_users"] == pytest.approx(statistics.stdev(per_user["error"]))
        assert found["median"] == pytest.approx(at["error"].median())
        assert found["percentile_90"] == pytest.approx(at["error"].quantile(0.9, "linear"))
        low, high = found["interval"]
        assert low < found["mean_over_users"] < high
        # Of two or three users, one in 27 resamples at least is the best user alone.
        assert low == pytest.approx(per_user["error"].min())
        assert high == pytest.approx(per_user["error"].max())
        assert row["window_count"] == len(at)
        assert row["user_count"] == len(per_user)
        within = at.with_columns(pl.col("error") <= 15).group_by("user").agg(pl.col("error").mean())
        accuracy = row["accuracy_within_15_deg"]["mean_over_users"]
        assert accuracy == pytest.approx(within["error"].mean())


def test_ranges_average_within_each_window_first(evaluated):
    table, summary = long_table(evaluated), summary_of(evaluated)
    for name, first, last in (("0.2-1 s", 1, 5), ("2-5 s", 11, 25)):
        windows = (
            table.filter(pl.col("step").is_between(first, last))
            .group_by("user", "window")
            .agg(pl.col("error").mean())
        )
        found = summary["ranges"][name]
        user_means = windows.group_by("user").agg(pl.col("error").mean())["error"].to_list()
        per_user = statistics.fmean(user_means)
        assert found["steps"] == last - first + 1
        assert found["window_count"] == len(windows)
        assert found["error_deg"]["mean_over_windows"] == pytest.approx(windows["error"].mean())
        assert found["error_deg"]["mean_over_users"] == pytest.approx(per_user)
        assert found["error_rad"]["mean_over_users"] == pytest.approx(math.radians(per_user))
        assert found["error_rad"]["interval"] == pytest.approx(
            [math.radians(end) for end in found["error_deg"]["interval"]]
        )


def test_users_and_steps(evaluated):
    table, summary = long_table(evaluated), summary_of(evaluated)
    assert list(summary["users"]) == ["ada", "bob", "eve"]
    assert [user["window_count"] for user in summary["users"].values()] == [8, 4, 6]
    last = [row["horizon_s"] for row in summary["horizons"]].index(5.0)
    assert summary["users"]["bob"]["mean_deg"][last] is None
    ada = table.filter((pl.col("user") == "ada") & (pl.col("step") == 25))["error"].mean()
    assert summary["users"]["ada"]["mean_deg"][last] == pytest.approx(ada)
    by_step = summary["by_step"]
    assert by_step["horizons_s"] == STEPS_S
    for step in (1, 12, 25):
        at = table.filter(pl.col("step") == step)
        over_users = at.group_by("user").agg(pl.col("error").mean())["error"].mean()
        assert by_step["mean_deg"][step - 1] == pytest.approx(over_users)
        assert by_step["mean_over_windows_deg"][step - 1] == pytest.approx(at["error"].mean())
        assert by_step["low"][step - 1] < over_users < by_step["high"][step - 1]


def test_half_a_second_is_measured_between_two_steps(make_evaluated):
    evaluated = make_evaluated(COUNTS, horizon=25)
    between = [
        torch.nn.functional.normalize(directions[:, 1] + directions[:, 2], dim=-1)
        for directions in (evaluated.predicted, evaluated.future)
    ]
    errors_deg = torch.rad2deg(torch.acos((between[0] * between[1]).sum(-1)))
    assert mean_errors_deg(summary_of(evaluated), "mean_over_windows")["0.5 s"] == pytest.approx(
        errors_deg.mean().item(), abs=1e-5
    )


def test_a_right_prediction_is_perfect(evaluated):
    evaluated.predicted[evaluated.valid] = evaluated.future[evaluated.valid]
    for row in summary_of(evaluated)["horizons"]:
        assert row["error_deg"]["mean_over_windows"] == pytest.approx(0, abs=1e-5)
        for name, metric in row.items():
            if isinstance(metric, dict) and name != "error_deg":
                assert metric["mean_over_users"] == pytest.approx(1), name


def test_a_short_task_reports_what_it_reaches(make_evaluated):
    summary = summary_of(make_evaluated(COUNTS, horizon=3), horizons_s=[6 / 30, 15 / 30, 30 / 30])
    assert list(mean_errors_deg(summary)) == ["0.2 s", "0.5 s", "1 s", "0.2-1 s"]


def test_a_summary_is_json_without_special_numbers(make_evaluated):
    evaluated = make_evaluated((3,), horizon=25)
    evaluated.valid[:, 24] = False
    summary = summary_of(evaluated)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["horizons"][-1]["error_deg"] == {
        "mean_over_windows": None,
        "mean_over_users": None,
        "interval": None,
        "std_over_users": None,
        "median": None,
        "percentile_90": None,
    }
    assert summary["horizons"][0]["error_deg"]["interval"] is None, "one user has no interval"


def test_a_diverged_model_is_refused(evaluated):
    evaluated.predicted[3, 7] = math.nan
    message = "must be finite, 1 of 18 windows are not .first: recording 0, anchor step 45.; the"
    with pytest.raises(InputError, match=message):
        summary_of(evaluated)


def test_predictions_must_be_unit_vectors(evaluated):
    evaluated.predicted *= 1.1
    with pytest.raises(ValueError, match=r"must be unit vectors, one is 0.1000 off"):
        summary_of(evaluated)


def test_half_precision_moves_errors_little(evaluated):
    exact = mean_errors_deg(summary_of(evaluated))
    evaluated.predicted = evaluated.predicted.bfloat16()
    assert mean_errors_deg(summary_of(evaluated)) == pytest.approx(exact, abs=0.1)


def test_horizons_must_name_every_step(evaluated):
    with pytest.raises(ValueError, match="must name the 25 predicted steps, got 3"):
        summary_of(evaluated, horizons_s=[0.2, 0.4, 0.6])


def test_static_baseline_of_the_david_protocol(shared):
    """The windows are cut here, independently of vpnet; the numbers are those of the protocol."""
    protocol = json.loads((shared / "benchmarks" / "david.json").read_text())
    table = pl.read_parquet(shared / "data" / f"{protocol['dataset']}.parquet")
    table = table.filter(pl.col("user").is_in(protocol["users"]["test"])).sort("t")
    anchors, futures, recordings, steps, users = [], [], [], [], []
    for (user, _), samples in table.group_by("user", "video"):
        timestamps_s = samples["t"].to_numpy()
        head = samples.select("head_x", "head_y", "head_z").to_numpy()
        grid_s = np.arange(int(timestamps_s[-1] * 5 + 1e-6) + 1) / 5
        path = np.stack([np.interp(grid_s, timestamps_s, axis) for axis in head.T], axis=-1)
        path /= np.linalg.norm(path, axis=-1, keepdims=True)
        for step in range(30, len(path) - 25, 5):
            anchors.append(path[step])
            futures.append(path[step + 1 : step + 26])
            recordings.append(len(users))
            steps.append(step)
        users.append(user)
    future = torch.from_numpy(np.stack(futures))
    evaluated = EvaluatedWindows(
        predicted=torch.from_numpy(np.stack(anchors)).unsqueeze(1).expand_as(future),
        future=future,
        valid=torch.ones(future.shape[:2], dtype=torch.bool),
        recording_index=torch.tensor(recordings),
        anchor_step=torch.tensor(steps),
    )
    summary = summarize(measure(evaluated, horizons_s=STEPS_S), recording_users=users)
    assert (summary["window_count"], summary["user_count"]) == (1539, 9)
    found = mean_errors_deg(summary, "mean_over_windows")
    expected = {"0.2 s": 7.24, "1 s": 31.98, "2 s": 53.61, "3 s": 67.24, "4 s": 74.94}
    expected |= {"5 s": 78.83, "2-5 s": 70.92}
    for label, error_deg in expected.items():
        assert found[label] == pytest.approx(error_deg, abs=0.05), label
    radians = summary["ranges"]["2-5 s"]["error_rad"]["mean_over_windows"]
    assert radians == pytest.approx(1.238, abs=0.001)
