"""All averages of one evaluated model, as plain values that JSON can hold.

An average that cannot be taken (no valid window at a horizon, an interval over one user) is None.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vpnet.evaluation.averages import CONFIDENCE, Averages, average, bootstrap_weights
from vpnet.evaluation.measurements import Measurements


def summarize(
    measured: Measurements,
    *,
    recording_users: Sequence[str],
    bootstrap_draws: int = 10_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Average the metrics of one model over windows and over users.

    Future directions that are not valid are left out everywhere; a user without a valid window at
    a horizon is left out of the mean over users there. A range of horizons ("2-5 s") is first
    averaged within each window.

    Args:
        measured: Metrics of each window.
        recording_users: User of each recording that ``recording_index`` points into.
        bootstrap_draws: Resamples of the users for the intervals.
        seed: Seed of the resamples.

    Returns:
        ``window_count``, ``user_count``, ``bootstrap`` (draws, seed, confidence), ``horizons`` (a
        list: horizon_s, window_count, user_count and the metrics), ``ranges`` (a dictionary by
        name: steps, window_count, user_count, error_deg, error_rad), ``by_step`` (lists over all
        steps: horizons_s, mean_deg over users, low, high, mean_over_windows_deg) and ``users`` (by
        user: window_count, mean_deg per reported horizon, range_mean_deg by range). A metric is a
        dictionary of mean_over_windows, mean_over_users, interval and std_over_users; errors have
        median and percentile_90 over windows as well.
    """
    window_users = [str(recording_users[index]) for index in measured.recording_index.tolist()]
    users = sorted(set(window_users))
    position = {user: index for index, user in enumerate(users)}
    user_index = torch.tensor([position[user] for user in window_users])
    weights = bootstrap_weights(len(users), bootstrap_draws, seed)

    averages = {
        name: average(values, measured.valid, user_index, weights)
        for name, values in measured.metrics.items()
    }
    horizons = [
        {
            "horizon_s": horizon_s,
            **_counts(averages["error_deg"], column),
            **{name: _metric_block(averages[name], column) for name in averages},
        }
        for column, horizon_s in enumerate(measured.horizons_s)
    ]
    for column, block in enumerate(horizons):
        block["error_deg"] |= _percentiles(measured.metrics["error_deg"], measured.valid, column)

    ranges, over_ranges = {}, {}
    for name, (steps, errors_deg, valid) in measured.ranges.items():
        over_range = average(errors_deg, valid, user_index, weights)
        over_ranges[name] = over_range
        ranges[name] = {
            "steps": steps,
            **_counts(over_range, 0),
            "error_deg": _metric_block(over_range, 0) | _percentiles(errors_deg, valid, 0),
            "error_rad": _metric_block(over_range, 0, scale=math.radians(1)),
        }

    by_step = average(measured.step_errors_deg, measured.step_valid, user_index, weights)
    return {
        "window_count": len(window_users),
        "user_count": len(users),
        "bootstrap": {"draws": bootstrap_draws, "seed": seed, "confidence": CONFIDENCE},
        "horizons": horizons,
        "ranges": ranges,
        "by_step": {
            "horizons_s": [float(horizon_s) for horizon_s in measured.steps_s],
            "mean_deg": _numbers(by_step.over_users),
            "low": _numbers(by_step.low),
            "high": _numbers(by_step.high),
            "mean_over_windows_deg": _numbers(by_step.over_windows),
        },
        "users": {
            user: {
                "window_count": window_users.count(user),
                "mean_deg": _numbers(averages["error_deg"].per_user[row]),
                "range_mean_deg": {
                    name: _number(over_range.per_user[row, 0])
                    for name, over_range in over_ranges.items()
                },
            }
            for row, user in enumerate(users)
        },
    }


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


def _number(value: Tensor) -> float | None:
    return None if value.isnan() else float(value)


def _numbers(values: Tensor) -> list[float | None]:
    return [_number(value) for value in values]
