"""An ablation: the rows of a sweep, each over its seeds, compared with the first row.

A sweep's folder holds ``<row>/seed_<number>/``, each the folder of one run whose config.yaml has
``ablation.rows`` (folder names of all rows, in order) and ``ablation.row`` (what tables call it).
"""

import csv
import io
import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from vpnet.errors import InputError
from vpnet.evaluation.metrics_table import errors_by_user, seed_means, user_matrix
from vpnet.runs.comparison import ComparedError, compare_runs, compare_users
from vpnet.runs.finished_runs import (
    SWEEP_APART,
    is_finished,
    read_metrics,
    read_metrics_table,
)
from vpnet.runs.results_table import (
    BASELINE,
    UNKNOWN,
    WORSE_MARK,
    counted,
    is_worse,
    of_model,
)
from vpnet.runs.run_config import (
    CONFIG_FILE,
    HARMLESS,
    check_seeds,
    differing_but_seed,
    differing_keys,
    read_config,
)
from vpnet.text_table import TextTable

COLUMNS = (
    "row",
    "seeds",
    "horizon",
    "error_deg",
    "seed_sd_deg",
    "difference_deg",
    "low_deg",
    "high_deg",
    "gain_percent",
    "is_clear",
)
"""Of every record: a row at one horizon or range."""


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
    """Whether the differences mean anything: not in the first row, nor where that is missing."""
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
    """Rows of which no run was begun: a sweep may be over some rows alone."""
    incomplete: tuple[str, ...]
    """What is missing of the others, a sentence per row."""
    absent_streams: tuple[str, ...]
    """Streams that a row can read and the data lack."""
    differing: tuple[str, ...]
    """Settings in which rows differ."""
    same: tuple[str, ...]
    """Rows whose settings are those of an earlier row, a sentence each."""


def ablation_of(folder: Path, bootstrap_draws: int = 10_000) -> Ablation:
    """Compare the rows of a sweep with the first, from what its finished runs have left.

    Args:
        folder: Folder of the sweep.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: The folder holds no finished run of an ablation, runs of one row differ in more
            than the seed, or runs have not predicted the same windows.
    """
    files = sorted(folder.glob(f"*/seed_*/{CONFIG_FILE}"))
    every = {file.parent: read_config(file.parent) for file in files}
    configs = {run: config for run, config in every.items() if "ablation" in config}
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

    tables = {run: read_metrics_table(run) for run in finished}
    first, *_ = names
    rows = [
        AblationRow(
            name,
            configs[runs[0]]["ablation"]["row"],
            tuple(runs),
            compare_runs(runs_of[first] or runs, runs, bootstrap_draws=bootstrap_draws).errors,
            bool(runs_of[first]) and name != first,
            _seed_deviation_deg([tables[run] for run in runs]),
        )
        for name, runs in runs_of.items()
        if runs
    ]
    absent = dict.fromkeys(
        stream for run in finished for stream in read_metrics(run).get("absent_streams", ())
    )
    row_configs = {row.name: configs[row.runs[0]] for row in rows}
    first_config = configs[rows[0].runs[0]]
    differing = (
        key
        for config in row_configs.values()
        for key, _, _ in differing_keys(first_config, config, (*HARMLESS, "seed"))
    )
    same = (
        f"{other} has the settings of {one}"
        for one, other in itertools.combinations(row_configs, 2)
        if not differing_but_seed(row_configs[one], row_configs[other])
    )
    reference = runs_of[first] or [finished[0]]
    rows.append(
        AblationRow(
            BASELINE,
            BASELINE,
            (),
            _static_errors([tables[run] for run in reference], bootstrap_draws),
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
        tuple(dict.fromkeys(differing)),
        tuple(same),
    )


def _own_errors(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Each user's errors of the runs' own models, a seed per run."""
    return errors_by_user(
        pl.concat(
            of_model(table, table["model"][0]).with_columns(
                model=pl.lit("own"), seed=pl.lit(number, pl.Int64)
            )
            for number, table in enumerate(tables)
        )
    )


def _seed_deviation_deg(tables: Sequence[pl.DataFrame]) -> tuple[float, ...]:
    """Standard deviation over seeds of the mean over users, per horizon and range (n - 1)."""
    if len(tables) < 2:
        return ()
    return tuple(statistics.stdev(means) for means in seed_means(_own_errors(tables)).values())


def _static_errors(
    tables: Sequence[pl.DataFrame], bootstrap_draws: int
) -> tuple[ComparedError, ...]:
    """Static compared with the runs of the first row, user by user."""
    static = errors_by_user(of_model(tables[0], BASELINE))
    labels, static_deg = user_matrix(static)
    _, own_deg = user_matrix(_own_errors(tables))
    windows = dict(static.group_by("label").agg(pl.col("window_count").sum()).iter_rows())
    errors = []
    for column, label in enumerate(labels):
        known = ~static_deg[:, column].isnan()
        errors.append(
            compare_users(
                label,
                round(windows[label]),
                own_deg[known, column],
                static_deg[known, column],
                bootstrap_draws,
            )
        )
    return tuple(errors)


def ablation_table(ablation: Ablation) -> TextTable:
    """The ablation for a terminal or a Markdown page: a section per row, a column per horizon."""
    static_deg = {error.label: error.candidate_deg for error in ablation.rows[-1].errors}
    worse = {
        (row.name, error.label)
        for row in ablation.rows
        for error in row.errors
        if is_worse(error.candidate_deg, static_deg[error.label])
    }
    return TextTable(
        title=f"{ablation.folder.name}: great-circle error in degrees, mean over users",
        columns=("row", "", *static_deg),
        sections=tuple(_section(row, len(ablation.seeds), worse) for row in ablation.rows),
        footnotes=_footnotes(ablation, bool(worse)),
    )


def ablation_records(ablation: Ablation) -> list[dict[str, Any]]:
    """One record per row and horizon, with the keys `COLUMNS`; None where there is no value."""
    records = []
    for row in ablation.rows:
        deviations_deg = row.seed_deviation_deg or [None] * len(row.errors)
        for error, deviation_deg in zip(row.errors, deviations_deg, strict=True):
            record = dict.fromkeys(COLUMNS) | {
                "row": row.name,
                "seeds": len(row.runs) or None,
                "horizon": error.label,
                "error_deg": error.candidate_deg,
                "seed_sd_deg": deviation_deg,
            }
            if row.is_compared:
                low_deg, high_deg = error.interval_deg or (None, None)
                record |= {
                    "difference_deg": error.difference_deg,
                    "low_deg": low_deg,
                    "high_deg": high_deg,
                    "gain_percent": error.gain_percent,
                    "is_clear": error.is_clear,
                }
            records.append(record)
    return records


def ablation_csv(ablation: Ablation) -> str:
    """The records as CSV; a cell is empty where there is no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(record.values() for record in ablation_records(ablation))
    return text.getvalue()


def _section(
    row: AblationRow, seed_count: int, worse: set[tuple[str, str]]
) -> tuple[tuple[str, ...], ...]:
    label = row.label
    if row.runs:
        found = len(row.runs)
        seeds = str(found) if found == seed_count else f"{found} of {seed_count}"
        label += f", {seeds} seed{'' if seed_count == 1 else 's'}"
    errors = [
        f"{error.candidate_deg:.2f}{WORSE_MARK if (row.name, error.label) in worse else ''}"
        for error in row.errors
    ]
    lines = [(label, "error", *errors)]
    if row.seed_deviation_deg:
        lines.append(("", "sd of seeds", *(f"{deg:.2f}" for deg in row.seed_deviation_deg)))
    if not row.is_compared:
        return tuple(lines)
    differences = [
        f"{error.difference_deg:+.2f}{'*' if error.is_clear else ''}" for error in row.errors
    ]
    intervals = [error.interval_deg for error in row.errors]
    lows, highs = (
        [UNKNOWN if ends is None else f"{ends[side]:+.2f}" for ends in intervals] for side in (0, 1)
    )
    gains = [f"{error.gain_percent:+.1f} %" for error in row.errors]
    return (
        *lines,
        ("", "difference", *differences),
        ("", "low", *lows),
        ("", "high", *highs),
        ("", "gain", *gains),
    )


def _footnotes(ablation: Ablation, is_any_worse: bool) -> tuple[str, ...]:
    first, *others = ablation.rows
    one = first.errors[0]
    notes = [counted(one.window_count, one.user_count)]
    if any(row.is_compared for row in others):
        notes.append(
            f"difference: to {first.label}, paired per user, seeds averaged first; low, high: its "
            "95 % bootstrap interval over users; * where that excludes zero: other users would "
            "differ likewise, other seeds need not, see their standard deviation"
        )
    else:
        notes.append("no differences: the row that others are compared with has no finished run")
    if is_any_worse:
        notes.append(f"{WORSE_MARK} worse than {BASELINE}")
    if ablation.absent_streams:
        notes.append(
            f"the data lack {', '.join(ablation.absent_streams)}: rows that differ in nothing else "
            "are one model"
        )
    if ablation.differing:
        notes.append(f"rows differ in {', '.join(ablation.differing)}")
    if ablation.same:
        notes.append(f"ONE MODEL: {'; '.join(ablation.same)}, so it shows nothing")
    if ablation.not_run:
        notes.append(f"rows not run: {', '.join(ablation.not_run)}")
    if ablation.incomplete:
        notes.append(f"INCOMPLETE: {'; '.join(ablation.incomplete)}")
    return tuple(notes)
