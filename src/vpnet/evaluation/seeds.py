"""One result from several seeds: the mean over seeds, and an interval over users."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
from vpnet.evaluation.results import results_table
from vpnet.evaluation.run_config import CONFIG_FILE, differing_but_seed, read_config
from vpnet.evaluation.text_table import TextTable

METRICS_FILE = "metrics.json"
BASELINE = "static"


def results_over_seeds(runs: Sequence[Path], bootstrap_draws: int = 10_000) -> TextTable:
    """Table of runs that differ in nothing but the seed, the baselines beside them.

    Errors are averaged over seeds per user first; the interval is the bootstrap over users of that
    average, so it says how other users would fare, not how other seeds would. How far seeds differ
    stands in the footnote.

    Args:
        runs: Folders of the runs.
        bootstrap_draws: Resamples of the users.

    Returns:
        As `vpnet.evaluation.results.results_table`.

    Raises:
        InputError: A run has no readable metrics.json, the runs are not of one model on the same
            users, or two of them have the same seed.
    """
    models = [read_metrics(run)["models"] for run in runs]
    _check_seeds(runs)
    names = [next(iter(by_name)) for by_name in models]
    if len(set(names)) != 1:
        raise InputError(
            f"runs over seeds must be of one model, found {', '.join(dict.fromkeys(names))}; "
            "use `vpnet compare` to hold one model against another"
        )
    own = [by_name[names[0]] for by_name in models]
    for run, summary in zip(runs, own, strict=True):
        if _evaluated_on(summary) != _evaluated_on(own[0]):
            raise InputError(
                f"{run}: was evaluated on other windows or users than {runs[0]}; give runs of the "
                "same data, split and task"
            )
    row = f"{names[0]}, {len(runs)} seeds" if len(runs) > 1 else names[0]
    baselines = {name: summary for name, summary in models[0].items() if name != names[0]}
    table = results_table(
        {row: average_summaries(own, bootstrap_draws), **baselines},
        baseline=row if names[0] == BASELINE else BASELINE,
    )
    if len(runs) == 1:
        return table
    spread = ", ".join(
        f"{name} {statistics.stdev(means):.2f}"
        for name in own[0]["ranges"]
        if None not in (means := _means(own, name))
    )
    note = f"standard deviation over seeds of the mean over users, degrees: {spread}"
    return TextTable(table.title, table.columns, table.sections, (*table.footnotes, note))


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
        raise InputError(
            f"{file}: not found; a finished run folder has one, give such folders"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: is not the metrics.json of a run: {error!r}; run it again, or leave it out"
        ) from error
    return metrics


def _evaluated_on(summary: Mapping[str, Any]) -> tuple[list[str], int, list[float]]:
    horizons_s = [row["horizon_s"] for row in summary["horizons"]]
    return list(summary["users"]), summary["window_count"], horizons_s


def _check_seeds(runs: Sequence[Path]) -> None:
    """Refuse runs that differ in more than the seed, or not even in that, by their config.yaml."""
    seeds: dict[Any, Path] = {}
    first: dict[str, Any] = {}
    for run in runs:
        if not (Path(run) / CONFIG_FILE).is_file():
            continue
        config = read_config(Path(run))
        if config["seed"] in seeds:
            raise InputError(
                f"{run} and {seeds[config['seed']]} both have seed {config['seed']}; give runs of "
                "different seeds"
            )
        seeds[config["seed"]] = run
        first = first or config
        for key, own, expected in differing_but_seed(config, first):
            raise InputError(
                f"{run}: its {key} is {own}, that of {runs[0]} is {expected}; runs over seeds "
                "differ in the seed alone, use `vpnet compare` for the rest"
            )


def _means(summaries: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [summary["ranges"][name]["error_deg"]["mean_over_users"] for summary in summaries]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
