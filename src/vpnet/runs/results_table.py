"""The table of results: models or groups of seeds in rows, compared with a baseline."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
from vpnet.evaluation.metrics_table import (
    count_windows,
    errors_by_user,
    is_range,
    over_windows,
    seed_means,
    user_matrix,
)
from vpnet.runs.finished_runs import read_metrics_table
from vpnet.runs.run_config import RunGroup, group_runs, what_differs
from vpnet.text_table import TextTable

BASELINE = "static"
WORSE_MARK = "†"
UNKNOWN = "–"

_NAN = math.nan


class _Row(NamedTuple):
    """Mean errors of one row by horizon and range, in degrees; NaN where there is none."""

    users: dict[str, float]
    windows: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    counted: str


def results_table(
    rows: Mapping[str, pl.DataFrame],
    *,
    baseline: str = BASELINE,
    bootstrap_draws: int = 10_000,
) -> TextTable:
    """Mean errors at the reported horizons.

    Each row of the mapping has a line of means over users, with 95 % intervals on the ranges of
    horizons, and a line of means over windows. Errors are averaged over seeds per user first. The
    interval is the bootstrap over users of that average: it is about other users, not about other
    seeds. An error larger than the baseline's is marked.

    Args:
        rows: By label, the part of a metrics table that is of one model, in one or several seeds.
        baseline: Label of the row that the others are compared with.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: The baseline is not among the rows.
    """
    if baseline not in rows:
        raise InputError(
            f"a table of results needs its baseline, {baseline!r} is not among "
            f"{', '.join(rows) or 'no models'}; evaluate it too"
        )
    averaged = {label: _average(table, bootstrap_draws) for label, table in rows.items()}
    columns = sorted({column for row in averaged.values() for column in row.users}, key=_order)
    sections = []
    for label, row in averaged.items():
        lines = []
        for mean, errors_deg, reference_deg in (
            ("users", row.users, averaged[baseline].users),
            ("windows", row.windows, averaged[baseline].windows),
        ):
            cells = []
            for column in columns:
                cell = _cell(errors_deg.get(column, _NAN), reference_deg.get(column, _NAN))
                if mean == "users" and column in row.intervals:
                    low, high = row.intervals[column]
                    cell += f" [{low:.2f}, {high:.2f}]"
                cells.append(cell)
            lines.append((label if not lines else "", mean, *cells))
        sections.append(tuple(lines))
    footnotes = [_counts({label: row.counted for label, row in averaged.items()})]
    if any(row.intervals for row in averaged.values()):
        footnotes[0] += "; in brackets: 95 % bootstrap interval over users"
    if any(WORSE_MARK in cell for section in sections for line in section for cell in line):
        footnotes.append(f"{WORSE_MARK} worse than {baseline}")
    return TextTable(
        "Great-circle error in degrees",
        ("model", "mean over", *columns),
        tuple(sections),
        tuple(footnotes),
    )


def results_over_seeds(runs: Sequence[Path], bootstrap_draws: int = 10_000) -> TextTable:
    """Table of runs: a row for those that differ in nothing but the seed, and the baselines.

    The footnotes say how far seeds differ.

    Args:
        runs: Folders of the runs.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: A run has no readable results, the runs are not of the same users and windows,
            or two that differ in nothing have the same seed.
    """
    groups = group_runs(runs)
    tables = {run: read_metrics_table(run) for run in runs}
    model_of = {run: table["model"][0] for run, table in tables.items()}
    tested_on = {run: _tested_on(table) for run, table in tables.items()}
    for run in runs:
        if tested_on[run] != tested_on[runs[0]]:
            raise InputError(
                f"{run}: was evaluated on other windows or users than {runs[0]}; give runs of the "
                "same data, split and task"
            )
    rows: dict[str, pl.DataFrame] = {}
    baseline = BASELINE
    notes = []
    for label, seeds in _runs_by_label(groups, model_of).items():
        model = model_of[seeds[0]]
        row = f"{label}, {len(seeds)} seeds" if len(seeds) > 1 else label
        # Runs without a configuration may have one seed, and count as several all the same.
        rows[row] = pl.concat(
            of_model(tables[run], model).with_columns(seed=pl.lit(number, pl.Int64))
            for number, run in enumerate(seeds)
        )
        if baseline == BASELINE and model == BASELINE:
            baseline = row
        if len(seeds) > 1:
            notes.append((row, _spread(rows[row])))
    first = tables[runs[0]]
    own = len(rows)
    for model in first["model"].unique(maintain_order=True):
        if model not in model_of.values():
            rows[model] = of_model(first, model)
    table = results_table(rows, baseline=baseline, bootstrap_draws=bootstrap_draws)
    spreads = tuple(
        "standard deviation over seeds of the mean over users, degrees"
        f"{f' ({row})' if own > 1 else ''}: {spread}"
        for row, spread in notes
    )
    return replace(table, footnotes=(*table.footnotes, *spreads))


def _tested_on(table: pl.DataFrame) -> tuple[Any, ...]:
    """Users, windows and horizons of a run, and the error of static, which tells data apart."""
    own = of_model(table, table["model"][0])
    errors = errors_by_user(own)
    static = over_windows(errors_by_user(of_model(table, BASELINE)))
    return (
        own["user"].unique().sort().to_list(),
        count_windows(own),
        errors["label"].unique(maintain_order=True).to_list(),
        [f"{error_deg:.2f}" for label, error_deg in static.items() if is_range(label)],
    )


def _runs_by_label(
    groups: Sequence[RunGroup], model_of: Mapping[Path, str]
) -> dict[str, list[Path]]:
    """The runs of each row, by its label: the model, and what tells it from its other rows."""
    rows: dict[str, list[Path]] = {}
    for model in dict.fromkeys(model_of.values()):
        own = [group for group in groups if model in map(model_of.get, group.runs)]
        for group, text in zip(own, what_differs(own), strict=True):
            label = f"{model}, {text}" if text else model
            # Those without a configuration may be of several models.
            rows[label] = [run for run in group.runs if model_of[run] == model]
    return rows


def _spread(table: pl.DataFrame) -> str:
    """Standard deviation over seeds of the mean over users, for each range of horizons."""
    means = seed_means(errors_by_user(table))
    return ", ".join(
        f"{label} {statistics.stdev(values):.2f}"
        for label, values in means.items()
        if is_range(label)
    )


def _average(table: pl.DataFrame, bootstrap_draws: int) -> _Row:
    errors = errors_by_user(table)
    labels, per_user = user_matrix(errors)
    weights = bootstrap_weights(len(per_user), bootstrap_draws, seed=0)
    low, high = bootstrap_interval(per_user, weights)
    intervals = zip(labels, zip(low.tolist(), high.tolist(), strict=True), strict=True)
    return _Row(
        dict(zip(labels, per_user.nanmean(0).tolist(), strict=True)),
        over_windows(errors),
        {label: ends for label, ends in intervals if is_range(label) and ends[0] == ends[0]},
        counted(*count_windows(table)),
    )


def _order(label: str) -> tuple[bool, float]:
    """Horizons in increasing order, then ranges."""
    return is_range(label), float(label.split()[0].split("-")[0])


def _cell(error_deg: float, reference_deg: float) -> str:
    if math.isnan(error_deg):
        return UNKNOWN
    return f"{error_deg:.2f}{WORSE_MARK if is_worse(error_deg, reference_deg) else ''}"


def _counts(counts: Mapping[str, str]) -> str:
    """How many windows and users the means are over; by row where that differs."""
    if len(set(counts.values())) == 1:
        return next(iter(counts.values()))
    differing = "; ".join(f"{label}: {count}" for label, count in counts.items())
    return f"NOT the same windows ({differing})"


def of_model(table: pl.DataFrame, model: str) -> pl.DataFrame:
    """The rows of one model of a metrics table."""
    return table.filter(pl.col("model") == model)


def is_worse(error_deg: float, reference_deg: float) -> bool:
    """Whether an error is larger when both are rounded as they are printed; False for NaN."""
    return round(error_deg, 2) > round(reference_deg, 2)


def counted(windows: int, users: int) -> str:
    """Windows and users, as footnotes name them: "1,539 windows of 9 users"."""
    plural = {True: "", False: "s"}
    return f"{windows:,} window{plural[windows == 1]} of {users} user{plural[users == 1]}"
