"""All numbers of one evaluated model, as plain values that JSON can hold.

Everything that tables and plots print is taken from here. A quantity that cannot be measured (no
valid window at a horizon, an interval over one user) is None.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.averages import CONFIDENCE, Averages, average, bootstrap_weights
from vpnet.evaluation.errors import (
    ACCURACY_THRESHOLDS_DEG,
    FIELD_OF_VIEW_DEG,
    accuracy_within,
    error_deg,
    viewport_overlap,
)
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.horizons import (
    HORIZON_RANGES,
    REPORT_HORIZONS_S,
    at_horizons,
    horizon_label,
    reached,
    valid_at_horizons,
)
from vpnet.evaluation.tiles import TILE_COLUMNS, TILE_ROWS, tile_metrics
from vpnet.geometry.directions import normalize

UNIT_TOLERANCE = 1e-2
"""How far the length of a predicted direction may be from 1: as much as bfloat16 rounds."""


def summarize(
    evaluated: EvaluatedWindows,
    *,
    recording_users: Sequence[str],
    horizons_s: Sequence[float],
    report_horizons_s: Sequence[float] = REPORT_HORIZONS_S,
    bootstrap_draws: int = 10_000,
    seed: int = 0,
    field_of_view_deg: float = FIELD_OF_VIEW_DEG,
    tile_rows: int = TILE_ROWS,
    tile_columns: int = TILE_COLUMNS,
) -> dict[str, Any]:
    """Measure one model on the windows of one evaluation.

    Future directions that are not valid are left out everywhere; a user without a valid window at
    a horizon is left out of the mean over users there. A range of horizons ("2-5 s") is first
    averaged within each window.

    Args:
        evaluated: Predictions and truth.
        recording_users: User of each recording that ``recording_index`` points into.
        horizons_s: Horizons of all predicted steps, increasing.
        report_horizons_s: Horizons to report; those outside the predicted steps are left out.
        bootstrap_draws: Resamples of the users for the intervals.
        seed: Seed of the resamples.
        field_of_view_deg: Diameter of the circular field of view, for tiles and overlap.
        tile_rows: Rows of tiles.
        tile_columns: Columns of tiles.

    Returns:
        ``window_count``, ``user_count``, ``bootstrap`` (draws, seed, confidence), ``horizons`` (a
        list: horizon_s, window_count, user_count and the metrics), ``ranges`` (a dictionary by
        name: steps, window_count, user_count, error_deg, error_rad), ``by_step`` (lists over all
        steps: horizons_s, mean_deg over users, low, high, mean_over_windows_deg) and ``users`` (by
        user: window_count, mean_deg per reported horizon, range_mean_deg by range). A metric is a
        dictionary of mean_over_windows, mean_over_users, interval and std_over_users; errors have
        median and percentile_90 over windows as well.

    Raises:
        InputError: A prediction is not finite.
        ValueError: A prediction is not of unit length, or ``horizons_s`` does not fit.
    """
    _check(evaluated, horizons_s)
    recordings = evaluated.recording_index.tolist()
    window_users = [str(recording_users[recording]) for recording in recordings]
    users = sorted(set(window_users))
    position = {user: index for index, user in enumerate(users)}
    user_index = torch.tensor([position[user] for user in window_users])
    weights = bootstrap_weights(len(users), bootstrap_draws, seed)

    predicted, future = normalize(evaluated.predicted.double()), evaluated.future.double()
    asked_s = reached(report_horizons_s, horizons_s)
    asked_valid = valid_at_horizons(evaluated.valid, horizons_s, asked_s)
    metrics = _window_metrics(
        at_horizons(predicted, horizons_s, asked_s),
        at_horizons(future, horizons_s, asked_s),
        field_of_view_deg=field_of_view_deg,
        tile_rows=tile_rows,
        tile_columns=tile_columns,
    )
    at_asked = {
        name: average(values, asked_valid, user_index, weights) for name, values in metrics.items()
    }
    horizons = [
        {
            "horizon_s": horizon_s,
            **_counts(at_asked["error_deg"], column),
            **{name: _metric_block(averages, column) for name, averages in at_asked.items()},
        }
        for column, horizon_s in enumerate(asked_s)
    ]
    for column, block in enumerate(horizons):
        block["error_deg"] |= _percentiles(metrics["error_deg"], asked_valid, column)

    step_errors_deg = error_deg(predicted, future)
    ranges, over_ranges = {}, {}
    for horizon_range in HORIZON_RANGES:
        if steps := horizon_range.steps(horizons_s):
            errors_deg, valid = _means_over_steps(
                step_errors_deg[:, steps], evaluated.valid[:, steps]
            )
            averages = average(errors_deg, valid, user_index, weights)
            over_ranges[horizon_range.name] = averages
            ranges[horizon_range.name] = {
                "steps": len(steps),
                **_counts(averages, 0),
                "error_deg": _metric_block(averages, 0) | _percentiles(errors_deg, valid, 0),
                "error_rad": _metric_block(averages, 0, scale=math.radians(1)),
            }

    return {
        "window_count": len(evaluated),
        "user_count": len(users),
        "bootstrap": {"draws": bootstrap_draws, "seed": seed, "confidence": CONFIDENCE},
        "horizons": horizons,
        "ranges": ranges,
        "by_step": _step_block(
            average(step_errors_deg, evaluated.valid, user_index, weights), horizons_s
        ),
        "users": {
            user: {
                "window_count": window_users.count(user),
                "mean_deg": _numbers(at_asked["error_deg"].per_user[row]),
                "range_mean_deg": {
                    name: _number(averages.per_user[row, 0])
                    for name, averages in over_ranges.items()
                },
            }
            for row, user in enumerate(users)
        },
    }


def mean_errors_deg(
    summary: Mapping[str, Any], mean: str = "mean_over_users"
) -> dict[str, float | None]:
    """Mean error by horizon and range: "0.2 s", "1 s", ..., "0.2-1 s", "2-5 s".

    Args:
        summary: From `summarize`.
        mean: ``mean_over_users`` or ``mean_over_windows``.
    """
    labelled = {horizon_label(row["horizon_s"]): row for row in summary["horizons"]}
    return {
        label: block["error_deg"][mean] for label, block in (labelled | summary["ranges"]).items()
    }


def _check(evaluated: EvaluatedWindows, horizons_s: Sequence[float]) -> None:
    if len(horizons_s) != evaluated.predicted.shape[1]:
        raise ValueError(
            f"horizons_s must name the {evaluated.predicted.shape[1]} predicted steps, "
            f"got {len(horizons_s)}"
        )
    length = torch.linalg.vector_norm(evaluated.predicted.double(), dim=-1)
    not_finite = ~length.isfinite().all(dim=1)
    if not_finite.any():
        window = int(torch.nonzero(not_finite)[0])
        raise InputError(
            f"predicted directions must be finite, {int(not_finite.sum())} of {len(evaluated)} "
            f"windows are not (first: recording {int(evaluated.recording_index[window])}, anchor "
            f"step {int(evaluated.anchor_step[window])}); the training has diverged: take an "
            "earlier checkpoint or a lower learning rate"
        )
    furthest = (length - 1).abs().max()
    if furthest > UNIT_TOLERANCE:
        raise ValueError(f"predictions must be unit vectors, one is {float(furthest):.4f} off")


def _window_metrics(
    predicted: Tensor,
    future: Tensor,
    *,
    field_of_view_deg: float,
    tile_rows: int,
    tile_columns: int,
) -> dict[str, Tensor]:
    """Every metric for every window and reported horizon, each ``(windows, asked)``."""
    errors_deg = error_deg(predicted, future)
    metrics = {"error_deg": errors_deg}
    for threshold_deg in ACCURACY_THRESHOLDS_DEG:
        metrics[f"accuracy_within_{threshold_deg:g}_deg"] = accuracy_within(
            errors_deg, threshold_deg
        )
    tiles = tile_metrics(
        predicted,
        future,
        rows=tile_rows,
        columns=tile_columns,
        field_of_view_deg=field_of_view_deg,
    )
    metrics |= {f"tile_{name}": values for name, values in tiles._asdict().items()}
    metrics["viewport_overlap"] = viewport_overlap(predicted, future, field_of_view_deg)
    return metrics


def _means_over_steps(errors_deg: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over each window's valid steps, and whether it has any, each ``(windows, 1)``."""
    counts = valid.sum(dim=1, keepdim=True)
    sums = torch.where(valid, errors_deg, 0).sum(dim=1, keepdim=True)
    return sums / counts, counts > 0


def _counts(averages: Averages, column: int) -> dict[str, int]:
    return {
        "window_count": int(averages.window_count[column]),
        "user_count": int(averages.user_count[column]),
    }


def _metric_block(averages: Averages, column: int, scale: float = 1.0) -> dict[str, Any]:
    low, high = averages.low[column] * scale, averages.high[column] * scale
    return {
        "mean_over_windows": _number(averages.over_windows[column] * scale),
        "mean_over_users": _number(averages.over_users[column] * scale),
        "interval": None if low.isnan() else [float(low), float(high)],
        "std_over_users": _number(averages.std_over_users[column] * scale),
    }


def _percentiles(errors_deg: Tensor, valid: Tensor, column: int) -> dict[str, float | None]:
    known = errors_deg[valid[:, column], column]
    if not len(known):
        return {"median": None, "percentile_90": None}
    median, percentile_90 = torch.quantile(known, known.new_tensor((0.5, 0.9)))
    return {"median": float(median), "percentile_90": float(percentile_90)}


def _step_block(averages: Averages, horizons_s: Sequence[float]) -> dict[str, list[float | None]]:
    return {
        "horizons_s": [float(horizon_s) for horizon_s in horizons_s],
        "mean_deg": _numbers(averages.over_users),
        "low": _numbers(averages.low),
        "high": _numbers(averages.high),
        "mean_over_windows_deg": _numbers(averages.over_windows),
    }


def _number(value: Tensor) -> float | None:
    return None if value.isnan() else float(value)


def _numbers(values: Tensor) -> list[float | None]:
    return [_number(value) for value in values]
