"""The numbers of a run as one tidy table, from which runs are compared and tables are made.

Columns: model, seed, user, video, horizon_s, metric, value. A row is the mean of one metric over
the valid windows of one user watching one video. ``window_count`` says of how many windows; without
a horizon it counts all. The error averaged over a range of horizons has no horizon, but the range
in its metric, as ``error_deg_2-5_s``, and so has its ``window_count_2-5_s``.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.evaluation.averages import group_sums
from vpnet.evaluation.horizons import horizon_label
from vpnet.evaluation.measurements import Measurements

METRICS_TABLE_FILE = "metrics.parquet"

METRICS_SCHEMA = {
    "model": pl.String,
    "seed": pl.Int64,
    "user": pl.String,
    "video": pl.String,
    "horizon_s": pl.Float64,
    "metric": pl.String,
    "value": pl.Float64,
}

ERROR, COUNT = "error_deg", "window_count"


def metrics_table(
    measured: Mapping[str, Measurements],
    *,
    seed: int,
    recording_users: Sequence[str],
    recording_videos: Sequence[str],
) -> pl.DataFrame:
    """The table of a run.

    Args:
        measured: By model, the run's own first.
        seed: Seed of the run.
        recording_users: User of each recording that ``recording_index`` points into.
        recording_videos: Video of each of them.
    """
    tables = []
    for model, measurements in measured.items():
        recordings, index = measurements.recording_index.unique(return_inverse=True)
        keys = pl.DataFrame(
            {
                "user": [str(recording_users[recording]) for recording in recordings.tolist()],
                "video": [str(recording_videos[recording]) for recording in recordings.tolist()],
            }
        )
        for horizon_s, metric, values, valid in _columns(measurements):
            sums, counts = group_sums(values.unsqueeze(1), valid.unsqueeze(1), index, len(keys))
            means = counts if metric.startswith(COUNT) else sums / counts
            rows = keys.with_columns(
                pl.lit(model).alias("model"),
                pl.lit(seed, pl.Int64).alias("seed"),
                pl.lit(horizon_s, pl.Float64).alias("horizon_s"),
                pl.lit(metric).alias("metric"),
                pl.Series("value", means[:, 0].numpy()),
            )
            tables.append(rows.filter(pl.Series((counts[:, 0] > 0).numpy())))
    return pl.concat(tables).select(*METRICS_SCHEMA)


def _columns(measured: Measurements) -> Iterator[tuple[float | None, str, Tensor, Tensor]]:
    """Horizon, metric, values and validity of everything that is averaged, each ``(windows,)``."""
    every = torch.ones(len(measured.recording_index), dtype=torch.bool)
    yield None, COUNT, every.double(), every
    for column, horizon_s in enumerate(measured.horizons_s):
        valid = measured.valid[:, column]
        yield horizon_s, COUNT, valid.double(), valid
        for metric, values in measured.metrics.items():
            yield horizon_s, metric, values[:, column], valid
    for name, (_, errors_deg, valid) in measured.ranges.items():
        suffix = name.replace(" ", "_")
        yield None, f"{COUNT}_{suffix}", valid[:, 0].double(), valid[:, 0]
        yield None, f"{ERROR}_{suffix}", errors_deg[:, 0], valid[:, 0]


def errors_by_user(table: pl.DataFrame) -> pl.DataFrame:
    """Mean error of each user over all videos, at every horizon and range.

    Args:
        table: Some rows of a metrics table.

    Returns:
        Columns model, seed, label ("1 s", "2-5 s"; horizons first), user, error_deg, window_count.
    """
    keys = ["model", "seed", "label", "user"]
    metric, horizon_s = pl.col("metric"), pl.col("horizon_s")
    in_range = metric.str.replace(f"^({ERROR}|{COUNT})_", "").str.replace("_", " ")
    labelled = table.with_columns(
        label=pl.when(horizon_s.is_null())
        .then(in_range)
        .otherwise(horizon_s.map_elements(horizon_label, return_dtype=pl.String))
    ).filter(horizon_s.is_not_null() | (metric != COUNT))
    counts = labelled.filter(metric.str.starts_with(COUNT))
    errors = labelled.filter(metric.str.contains(f"^{ERROR}(_|$)")).join(
        counts.select(*keys, "video", count="value"),
        on=[*keys, "video"],
        nulls_equal=True,
        maintain_order="left",
    )
    count = pl.col("count")
    return errors.group_by(keys, maintain_order=True).agg(
        error_deg=(pl.col("value") * count).sum() / count.sum(), window_count=count.sum()
    )


def is_range(label: str) -> bool:
    """Whether a label is that of a range of horizons."""
    return "-" in label


def user_matrix(errors: pl.DataFrame) -> tuple[list[str], Tensor]:
    """Errors of one model, averaged over seeds, for the bootstrap over users.

    Args:
        errors: Rows of `errors_by_user` of one model.

    Returns:
        Labels, and the errors in degrees, shape ``(users, labels)``, users in alphabetical order.
        NaN where a user has no valid window in one of the seeds.
    """
    seeds = errors["seed"].n_unique()
    means = errors.group_by("label", "user", maintain_order=True).agg(
        pl.when(pl.len() == seeds).then(pl.col("error_deg").mean())
    )
    wide = means.pivot(on="label", index="user", values="error_deg").sort("user").drop("user")
    return wide.columns, torch.from_numpy(wide.fill_null(float("nan")).to_numpy().copy())


def seed_means(errors: pl.DataFrame) -> dict[str, list[float]]:
    """By label, the mean over users in each seed, in degrees.

    Args:
        errors: Rows of `errors_by_user` of one model.
    """
    means = errors.group_by("label", "seed", maintain_order=True).agg(pl.col("error_deg").mean())
    return dict(means.group_by("label", maintain_order=True).agg("error_deg").iter_rows())


def over_windows(errors: pl.DataFrame) -> dict[str, float]:
    """By label, the mean over all windows, in degrees.

    Args:
        errors: Rows of `errors_by_user` of one model.
    """
    count = pl.col("window_count")
    mean = (pl.col("error_deg") * count).sum() / count.sum()
    return dict(errors.group_by("label", maintain_order=True).agg(mean).iter_rows())


def count_windows(table: pl.DataFrame) -> tuple[int, int]:
    """Numbers of windows and of users that one model was evaluated on.

    Args:
        table: The rows of one model in a metrics table, in one or several seeds.
    """
    counts = table.filter(pl.col("horizon_s").is_null() & (pl.col("metric") == COUNT))
    seeds = counts["seed"].n_unique()
    return round(counts["value"].sum() / seeds), counts["user"].n_unique()
