import math

import polars as pl
import pytest
import torch

from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.measurements import measure
from vpnet.evaluation.metrics_table import (
    METRICS_SCHEMA,
    count_windows,
    errors_by_user,
    metrics_table,
    over_windows,
    seed_means,
    user_matrix,
)

STEPS_S = [step / 5 for step in range(1, 26)]
USERS, VIDEOS = ["ada", "bob", "ada", "eve"], ["lake", "lake", "city", "city"]
COUNTS = (5, 4, 3, 6)


@pytest.fixture
def evaluated(make_evaluated) -> EvaluatedWindows:
    """Simulated errors; bob's futures are unknown at 5 s, one of ada's over the first second."""
    evaluated = make_evaluated(COUNTS, horizon=25)
    evaluated.valid[evaluated.recording_index == 1, 24] = False
    evaluated.valid[2, :5] = False
    evaluated.future[~evaluated.valid] = math.nan
    return evaluated


@pytest.fixture
def table(evaluated) -> pl.DataFrame:
    measured = {"own": measure(evaluated, horizons_s=STEPS_S)}
    return metrics_table(measured, seed=3, recording_users=USERS, recording_videos=VIDEOS)


def test_a_row_is_a_metric_of_one_user_and_video(table, evaluated):
    assert dict(table.schema) == METRICS_SCHEMA
    assert not table.select("user", "video", "horizon_s", "metric").is_duplicated().any()
    lake = table.filter((pl.col("user") == "ada") & (pl.col("video") == "lake"))
    at_two = lake.filter(pl.col("horizon_s") == 2.0)
    values = dict(at_two.select("metric", "value").iter_rows())
    cosine = (evaluated.predicted[:5, 9] * evaluated.future[:5, 9]).sum(-1)
    errors_deg = torch.rad2deg(torch.acos(cosine))
    assert values["error_deg"] == pytest.approx(errors_deg.mean().item())
    assert values["accuracy_within_15_deg"] == pytest.approx(
        (errors_deg <= 15).double().mean().item()
    )
    assert values["window_count"] == 5
    assert {"tile_iou", "tile_f1", "viewport_overlap"} < set(values)
    overall = lake.filter(pl.col("horizon_s").is_null()).select("metric", "value")
    counts = dict(overall.iter_rows())
    assert counts["window_count"] == 5
    assert counts["window_count_0.2-1_s"] == 4


def test_what_is_not_known_has_no_row(table):
    bob = table.filter((pl.col("user") == "bob") & (pl.col("horizon_s") == 5.0))
    assert bob.is_empty()
    assert table["value"].is_not_nan().all()


def test_users_are_averaged_over_the_windows_of_all_videos(table, evaluated):
    errors = errors_by_user(table)
    assert errors["label"].unique(maintain_order=True).to_list() == [
        *("0.2 s", "0.5 s", "1 s", "2 s", "3 s", "4 s", "5 s"),
        *("0.2-1 s", "2-5 s"),
    ]
    measured = measure(evaluated, horizons_s=STEPS_S)
    ada = (evaluated.recording_index == 0) | (evaluated.recording_index == 2)
    expected_deg = measured.ranges["2-5 s"].errors_deg[ada].mean().item()
    row = errors.filter((pl.col("user") == "ada") & (pl.col("label") == "2-5 s"))
    assert row["error_deg"].item() == pytest.approx(expected_deg)
    assert row["window_count"].item() == 8
    labels, per_user = user_matrix(errors)
    assert per_user.shape == (3, 9)
    assert per_user[1, labels.index("5 s")].isnan(), "bob has none"
    every_deg = measured.step_errors_deg[evaluated.valid[:, 24], 24].mean().item()
    assert over_windows(errors)["5 s"] == pytest.approx(every_deg)
    assert count_windows(table) == (18, 3)


def test_seeds_are_averaged_per_user(table):
    other = table.with_columns(
        seed=pl.lit(4, pl.Int64),
        value=pl.when(pl.col("metric") == "error_deg")
        .then(pl.col("value") + 2)
        .otherwise(pl.col("value")),
    )
    both = pl.concat((table, other))
    one, two = seed_means(errors_by_user(both))["1 s"]
    assert two == pytest.approx(one + 2)
    labels, per_user = user_matrix(errors_by_user(both))
    at = labels.index("1 s")
    torch.testing.assert_close(per_user[:, at], user_matrix(errors_by_user(table))[1][:, at] + 1)
    assert count_windows(both) == (18, 3)
