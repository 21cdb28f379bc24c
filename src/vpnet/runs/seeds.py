"""Results of runs, several seeds as one: the mean over seeds, and an interval over users."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
from vpnet.runs.results import results_table
from vpnet.runs.run_groups import RunGroup, group_runs, what_differs
from vpnet.evaluation.text_table import TextTable

METRICS_FILE = "metrics.json"
BASELINE = "static"


def results_over_seeds(runs: Sequence[Path], bootstrap_draws: int = 10_000) -> TextTable:
    """Table of runs: a row for those that differ in nothing but the seed, and the baselines.

    Errors are averaged over seeds per user first; the interval is the bootstrap over users of that
    average, so it says how other users would fare, not how other seeds would. How far seeds differ
    stands in the footnotes.

    Args:
        runs: Folders of the runs.
        bootstrap_draws: Resamples of the users.

    Returns:
        As `vpnet.runs.results.results_table`.

    Raises:
        InputError: A run has no readable metrics.json, the runs are not of the same users and
            windows, or two that differ in nothing have the same seed.
    """
    groups = group_runs(runs)
    models = {run: read_metrics(run)["models"] for run in runs}
    own = {run: next(iter(by_name.items())) for run, by_name in models.items()}
    for run, by_name in models.items():
        if _tested_on(by_name) != _tested_on(models[runs[0]]):
            raise InputError(
                f"{run}: was evaluated on other windows or users than {runs[0]}; give runs of the "
                "same data, split and task"
            )
    rows: dict[str, dict[str, Any]] = {}
    baseline = BASELINE
    notes = []
    for label, seeds in _rows(groups, {run: model for run, (model, _) in own.items()}).items():
        summaries = [own[run][1] for run in seeds]
        row = f"{label}, {len(seeds)} seeds" if len(seeds) > 1 else label
        rows[row] = average_summaries(summaries, bootstrap_draws)
        if baseline == BASELINE and own[seeds[0]][0] == BASELINE:
            baseline = row
        if len(seeds) > 1:
            notes.append((row, _spread(summaries)))
    baselines = {
        name: summary
        for name, summary in models[runs[0]].items()
        if name not in (model for model, _ in own.values())
    }
    table = results_table({**rows, **baselines}, baseline=baseline)
    said = tuple(
        "standard deviation over seeds of the mean over users, degrees"
        f"{f' ({row})' if len(rows) > 1 else ''}: {spread}"
        for row, spread in notes
    )
    return TextTable(table.title, table.columns, table.sections, (*table.footnotes, *said))


def _tested_on(models: Mapping[str, Any]) -> tuple[Any, ...]:
    """Users, windows and horizons of a run, and the error of static, which tells data apart."""
    ranges = models[BASELINE]["ranges"].values() if BASELINE in models else ()
    static_deg = [f"{block['error_deg']['mean_over_windows']:.2f}" for block in ranges]
    return (*_evaluated_on(next(iter(models.values()))), static_deg)


def _rows(groups: Sequence[RunGroup], model_of: Mapping[Path, str]) -> dict[str, list[Path]]:
    """The runs of each row, by its label: the model, and what tells it from its other rows."""
    rows: dict[str, list[Path]] = {}
    for model in dict.fromkeys(model_of.values()):
        own = [group for group in groups if model in map(model_of.get, group.runs)]
        for group, text in zip(own, what_differs(own), strict=True):
            label = f"{model}, {text}" if text else model
            # Those without a configuration may be of several models.
            rows[label] = [run for run in group.runs if model_of[run] == model]
    return rows


def _spread(summaries: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"{name} {statistics.stdev(means):.2f}"
        for name in summaries[0]["ranges"]
        if None not in (means := _means(summaries, name))
    )


def average_summaries(
    summaries: Sequence[Mapping[str, Any]], bootstrap_draws: int = 10_000
) -> dict[str, Any]:
    """Mean errors of several summaries of the same windows, with intervals over users.

    Args:
        summaries: From `vpnet.evaluation.summary.summarize`, one a seed.
        bootstrap_draws: Resamples of the users.

    Returns:
        A summary of the errors alone: window_count, user_count, horizons, ranges.
    """
    first = summaries[0]
    users = list(first["users"])
    weights = bootstrap_weights(len(users), bootstrap_draws, seed=0)

    def average(
        block_of: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        value_of: Callable[[Mapping[str, Any]], float | None],
    ) -> dict[str, Any]:
        blocks = [block_of(summary)["error_deg"] for summary in summaries]
        per_user = torch.tensor(
            [
                [_number(value_of(summary["users"][user])) for user in users]
                for summary in summaries
            ],
            dtype=torch.float64,
        ).mean(0)
        low, high = bootstrap_interval(per_user.unsqueeze(1), weights)
        means = {
            mean: _mean([block[mean] for block in blocks])
            for mean in ("mean_over_windows", "mean_over_users")
        }
        interval = None if low.isnan() else [float(low), float(high)]
        return {"error_deg": {**means, "interval": interval}}

    return {
        "window_count": first["window_count"],
        "user_count": first["user_count"],
        "horizons": [
            {"horizon_s": row["horizon_s"]}
            | average(
                lambda summary, at=position: summary["horizons"][at],
                lambda user, at=position: user["mean_deg"][at],
            )
            for position, row in enumerate(first["horizons"])
        ],
        "ranges": {
            name: average(
                lambda summary, at=name: summary["ranges"][at],
                lambda user, at=name: user["range_mean_deg"][at],
            )
            for name in first["ranges"]
        },
    }


def read_metrics(run: Path) -> dict[str, Any]:
    """The metrics.json that a run has left; ``models`` holds a summary by model.

    Raises:
        InputError: It is missing or damaged.
    """
    file = Path(run) / METRICS_FILE
    try:
        metrics = json.loads(file.read_text(encoding="utf-8"))
        if not metrics["models"]:
            raise ValueError("it holds no model")
        for summary in metrics["models"].values():
            _evaluated_on(summary)
    except FileNotFoundError as error:
        # Of a sweep, or of an ablation, which has a folder of seeds for each row.
        for inner in ("*", "*/*"):
            if any(Path(run).glob(f"{inner}/{METRICS_FILE}")):
                raise InputError(
                    f"{run}: a folder of runs, not a run; give those in it, as {run}/{inner}/"
                ) from error
        raise InputError(
            f"{file}: not found; a finished run folder has one, give such folders"
        ) from error
    except NotADirectoryError as error:
        raise InputError(f"{run}: is a file; give run folders, as SWEEP/*/") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: is not the metrics.json of a run: {error!r}; run it again, or leave it out"
        ) from error
    return metrics


def _evaluated_on(summary: Mapping[str, Any]) -> tuple[list[str], int, list[float]]:
    horizons_s = [row["horizon_s"] for row in summary["horizons"]]
    return list(summary["users"]), summary["window_count"], horizons_s


def _means(summaries: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [summary["ranges"][name]["error_deg"]["mean_over_users"] for summary in summaries]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
