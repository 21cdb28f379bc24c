"""An ablation: the rows of a sweep, each over its seeds, held against the first row.

A sweep's folder holds ``<row>/seed_<number>/``, each the folder of one run whose config.yaml has
``ablation.rows`` (folder names of all rows, in order) and ``ablation.row`` (what tables call it).
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.runs.comparison import ComparedError, compare_runs, compare_users
from vpnet.runs.finished_runs import SWEEP_APART, is_finished
from vpnet.evaluation.horizons import horizon_label
from vpnet.runs.run_config import (
    CONFIG_FILE,
    HARMLESS,
    differing_but_seed,
    differing_keys,
    read_config,
)
from vpnet.runs.run_groups import check_seeds
from vpnet.runs.seeds import BASELINE, read_metrics


@dataclass(frozen=True)
class AblationRow:
    """One row: a variant of a model, averaged over its seeds."""

    name: str
    """Its folder."""
    label: str
    """What the table calls it."""
    runs: tuple[Path, ...]
    """Folders of its finished runs, one per seed; none for static, which learns nothing."""
    errors: tuple[ComparedError, ...]
    """Per reported horizon and range; the candidate is this row, the baseline the first row."""
    is_compared: bool
    """Whether the differences mean anything: not for the first row, nor where that is missing."""
    seed_deviation_deg: tuple[float, ...] = ()
    """Per entry of errors, the standard deviation over seeds; nothing with fewer than two."""


@dataclass(frozen=True)
class Ablation:
    """All rows of a sweep."""

    folder: Path
    """Folder of the sweep."""
    rows: tuple[AblationRow, ...]
    """Those with a finished run, in order; static is the last."""
    seeds: tuple[int, ...]
    """All seeds that any row has begun."""
    not_run: tuple[str, ...]
    """Rows of which no run was begun: a sweep may ask for some rows alone."""
    incomplete: tuple[str, ...]
    """What is missing of the others, a sentence per row."""
    absent_streams: tuple[str, ...]
    """Streams that a row asks for and the data lack."""
    differing: tuple[str, ...]
    """Settings in which rows differ."""
    same: tuple[str, ...]
    """Rows whose settings are those of an earlier row, a sentence each."""


def ablation_of(folder: Path, bootstrap_draws: int = 10_000) -> Ablation:
    """Hold the rows of a sweep against the first, from what its finished runs have left.

    Args:
        folder: Folder of the sweep.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: The folder holds no finished run of an ablation, runs of one row differ in more
            than the seed, or runs have not predicted the same windows.
    """
    configs = _read_configs(folder)
    finished = [run for run in configs if is_finished(run)]
    if not finished:
        raise InputError(
            f"{folder}: holds no finished run of an ablation; give the folder of such a sweep, as "
            "python train.py -m experiment=ablation_fusion leaves it"
        )
    listed = (config["ablation"]["rows"].split(",") for config in configs.values())
    names = dict.fromkeys(name.strip() for rows in listed for name in rows)
    names |= dict.fromkeys(run.parent.name for run in configs)
    runs_of = {name: [run for run in finished if run.parent.name == name] for name in names}
    seeds = sorted({config["seed"] for config in configs.values()})
    begun = {run.parent.name for run in configs}
    incomplete = []
    for name, runs in runs_of.items():
        check_seeds(runs, SWEEP_APART)
        missing = [seed for seed in seeds if seed not in [configs[run]["seed"] for run in runs]]
        if name not in begun:
            continue
        if not runs:
            incomplete.append(f"{name} has no finished run")
        elif missing:
            incomplete.append(f"{name} lacks seed {', '.join(map(str, missing))}")

    metrics = {run: read_metrics(run) for run in finished}
    first, *_ = names
    rows = [
        AblationRow(
            name,
            configs[runs[0]]["ablation"]["row"],
            tuple(runs),
            compare_runs(runs_of[first] or runs, runs, bootstrap_draws=bootstrap_draws).errors,
            bool(runs_of[first]) and name != first,
            _seed_deviation_deg([metrics[run]["models"] for run in runs]),
        )
        for name, runs in runs_of.items()
        if runs
    ]
    absent = dict.fromkeys(
        stream for run in finished for stream in metrics[run].get("absent_streams", ())
    )
    row_configs = {row.name: configs[row.runs[0]] for row in rows}
    against = runs_of[first] or [finished[0]]
    rows.append(
        AblationRow(
            BASELINE,
            BASELINE,
            (),
            _static_errors([metrics[run]["models"] for run in against], bootstrap_draws),
            bool(runs_of[first]),
        )
    )
    return Ablation(
        folder,
        tuple(rows),
        tuple(seeds),
        tuple(name for name in names if name not in begun),
        tuple(incomplete),
        tuple(absent),
        _differing_between_rows(list(row_configs.values())),
        _same_rows(row_configs),
    )


def _read_configs(folder: Path) -> dict[Path, dict[str, Any]]:
    """By run folder, finished or not, the configurations of the runs of an ablation."""
    configs = {
        file.parent: read_config(file.parent)
        for file in sorted(folder.glob(f"*/seed_*/{CONFIG_FILE}"))
    }
    return {run: config for run, config in configs.items() if "ablation" in config}


def _differing_between_rows(configs: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    ignored = HARMLESS + ("seed",)
    keys = (key for config in configs for key, _, _ in differing_keys(configs[0], config, ignored))
    return tuple(dict.fromkeys(keys))


def _same_rows(configs: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """A sentence for each row that differs from an earlier one in nothing."""
    return tuple(
        f"{other} has the settings of {one}"
        for one, other in itertools.combinations(configs, 2)
        if not differing_but_seed(configs[one], configs[other])
    )


def _seed_deviation_deg(models: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    """How far the seeds' means over users lie apart, per horizon and range (n - 1)."""
    if len(models) < 2:
        return ()
    own = [_per_user(next(iter(by_name.values()))) for by_name in models]
    return tuple(
        statistics.stdev(float(by_label[label][1].nanmean()) for by_label in own)
        for label in own[0]
    )


def _static_errors(
    models: Sequence[dict[str, Any]], bootstrap_draws: int
) -> tuple[ComparedError, ...]:
    """Static against the runs of the first row, from what their metrics.json say of each user.

    Args:
        models: Summaries by model, the run's own first; one entry per seed.
        bootstrap_draws: Resamples of the users.
    """
    own = [_per_user(next(iter(by_name.values()))) for by_name in models]
    static = _per_user(models[0][BASELINE])
    errors = []
    for label, (window_count, static_deg) in static.items():
        own_deg = torch.stack([by_label[label][1] for by_label in own]).mean(0)
        known = ~static_deg.isnan()
        errors.append(
            compare_users(label, window_count, own_deg[known], static_deg[known], bootstrap_draws)
        )
    return tuple(errors)


def _per_user(summary: dict[str, Any]) -> dict[str, tuple[int, Tensor]]:
    """By horizon and range: the number of windows, and each user's mean error, NaN for none."""
    users = summary["users"].values()
    means = {
        horizon_label(row["horizon_s"]): (row, [user["mean_deg"][position] for user in users])
        for position, row in enumerate(summary["horizons"])
    }
    means |= {
        name: (block, [user["range_mean_deg"][name] for user in users])
        for name, block in summary["ranges"].items()
    }
    return {
        label: (
            block["window_count"],
            torch.tensor(list(map(_number, values)), dtype=torch.float64),
        )
        for label, (block, values) in means.items()
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value
