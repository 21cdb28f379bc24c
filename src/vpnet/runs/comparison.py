"""Two runs, or two groups of seeds, compared window by window and user by user."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
from vpnet.evaluation.error_tables import read_errors
from vpnet.evaluation.horizons import (
    HORIZON_RANGES,
    REPORT_HORIZONS_S,
    TOLERANCE_S,
    horizon_label,
)
from vpnet.evaluation.prediction_table import KEYS
from vpnet.runs.results_table import counted
from vpnet.runs.run_config import check_seeds
from vpnet.text_table import TextTable


@dataclass(frozen=True)
class ComparedError:
    """Errors of both sides at one horizon or range; means over users, in degrees."""

    label: str
    """The horizon ("1 s") or the range ("2-5 s")."""
    window_count: int
    user_count: int
    baseline_deg: float
    candidate_deg: float
    difference_deg: float
    """Candidate minus baseline, mean over users; negative where the candidate is better."""
    interval_deg: tuple[float, float] | None
    """95 % bootstrap interval of the difference over users; None with fewer than two users."""

    @property
    def gain_percent(self) -> float:
        """How much smaller the candidate's error is; NaN where there is no error to improve."""
        if not self.baseline_deg:
            return math.nan
        return (self.baseline_deg - self.candidate_deg) / self.baseline_deg * 100

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.interval_deg is not None and self.interval_deg[0] * self.interval_deg[1] > 0


@dataclass(frozen=True)
class RunComparison:
    """A candidate compared with a baseline."""

    baseline_runs: Sequence[Path]
    """One per seed."""
    candidate_runs: Sequence[Path]
    """One per seed."""
    errors: tuple[ComparedError, ...]
    """One entry per reported horizon and range."""

    def to_table(self) -> TextTable:
        """The comparison for a terminal or a Markdown page."""
        rows = tuple(
            (
                error.label,
                f"{error.baseline_deg:.2f}",
                f"{error.candidate_deg:.2f}",
                _difference(error),
                f"{error.gain_percent:+.1f} %",
            )
            for error in self.errors
        )
        first = self.errors[0]
        intervals = ""
        if any(error.interval_deg for error in self.errors):
            intervals = (
                "; in brackets: 95 % bootstrap interval of the paired difference per user; "
                "* where it excludes zero"
            )
        return TextTable(
            title="Great-circle error in degrees, mean over users",
            columns=("horizon", "baseline", "candidate", "difference", "gain"),
            sections=(rows,),
            footnotes=(
                f"baseline: {_runs(self.baseline_runs)}",
                f"candidate: {_runs(self.candidate_runs)}",
                counted(first.window_count, first.user_count) + intervals,
            ),
        )


def compare_runs(
    baseline_runs: Sequence[Path],
    candidate_runs: Sequence[Path],
    *,
    report_horizons_s: Sequence[float] = REPORT_HORIZONS_S,
    bootstrap_draws: int = 10_000,
) -> RunComparison:
    """Compare two sides on the windows that both have predicted.

    With a model that treats all users alike as the baseline and one that knows them as the
    candidate, the gain is the personalisation gain.

    Several runs on one side are seeds of one experiment: their errors are averaged per window
    first. The difference is paired, per user, and its interval is over users.

    Args:
        baseline_runs: Folders with errors.parquet, one per seed.
        candidate_runs: Folders with errors.parquet, one per seed.
        report_horizons_s: Horizons to report, those that the runs have.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: A side is empty or differs in more than the seed, a file is missing or damaged,
            the runs have not predicted the same windows, or none of the reported horizons is there.
    """
    baseline = _side("baseline", baseline_runs)
    candidate = _side("candidate", candidate_runs)
    _check_same_windows(baseline_runs[0], baseline, candidate_runs[0], candidate)
    # In one order throughout, so that one comparison gives one result to the last digit.
    paired = baseline.rename({"error_deg": "baseline_deg"}).join(
        candidate.select(*KEYS, pl.col("error_deg").alias("candidate_deg")),
        on=KEYS,
        maintain_order="left",
    )
    selections = _selections(paired, report_horizons_s)
    if not selections:
        raise InputError(
            f"none of the horizons {', '.join(map(horizon_label, report_horizons_s))} is in "
            f"{baseline_runs[0]}; choose horizons that the runs have"
        )
    return RunComparison(
        baseline_runs=baseline_runs,
        candidate_runs=candidate_runs,
        errors=tuple(_compare(label, windows, bootstrap_draws) for label, windows in selections),
    )


def compare_users(
    label: str,
    window_count: int,
    baseline_deg: Tensor,
    candidate_deg: Tensor,
    bootstrap_draws: int,
) -> ComparedError:
    """Compare the mean errors of the same users on both sides.

    Args:
        label: The horizon or range.
        window_count: Windows behind the means.
        baseline_deg: Mean error of each user, degrees, float64, shape ``(users,)``.
        candidate_deg: The same of the candidate.
        bootstrap_draws: Resamples of the users.
    """
    difference_deg = candidate_deg - baseline_deg
    weights = bootstrap_weights(len(baseline_deg), bootstrap_draws, seed=0)
    low, high = bootstrap_interval(difference_deg.unsqueeze(1), weights)
    return ComparedError(
        label=label,
        window_count=window_count,
        user_count=len(baseline_deg),
        baseline_deg=float(baseline_deg.mean()),
        candidate_deg=float(candidate_deg.mean()),
        difference_deg=float(difference_deg.mean()),
        interval_deg=None if low.isnan() else (float(low), float(high)),
    )


def _side(side: str, runs: Sequence[Path]) -> pl.DataFrame:
    """Errors of the runs of one side, averaged per window and horizon."""
    if not runs:
        raise InputError(f"the {side} has no run; name at least one folder")
    check_seeds(runs, f"and these are the {side}: name the baseline's behind --against")
    tables = [read_errors(run) for run in runs]
    for run, table in zip(runs[1:], tables[1:], strict=True):
        _check_same_windows(runs[0], tables[0], run, table)
    return (
        pl.concat(tables)
        .group_by(*KEYS, "interpolated", maintain_order=True)
        .agg(pl.col("error_deg").mean())
        .sort(*KEYS)
    )


def _check_same_windows(
    first_run: Path, first: pl.DataFrame, second_run: Path, second: pl.DataFrame
) -> None:
    only_first = len(first.join(second, on=KEYS, how="anti"))
    only_second = len(second.join(first, on=KEYS, how="anti"))
    if only_first or only_second:
        raise InputError(
            "runs are compared on the same windows and horizons; "
            f"{only_first:,} of {len(first):,} rows of {first_run} are missing in {second_run}, "
            f"{only_second:,} of {len(second):,} the other way round; "
            "test both with one split and one task"
        )


def _selections(
    paired: pl.DataFrame, report_horizons_s: Sequence[float]
) -> list[tuple[str, pl.DataFrame]]:
    """For each horizon and range: its label, and both errors of every window."""
    horizon = pl.col("horizon_s")
    selections = []
    for horizon_s in report_horizons_s:
        windows = paired.filter((horizon - horizon_s).abs() <= TOLERANCE_S)
        if not windows.is_empty():
            selections.append((horizon_label(horizon_s), windows))
    steps = paired.filter(~pl.col("interpolated"))
    steps_s = steps["horizon_s"].unique().sort().to_list()
    for horizon_range in HORIZON_RANGES:
        inside_s = [steps_s[step] for step in horizon_range.steps(steps_s)]
        if inside_s:
            inside = steps.filter(horizon.is_between(inside_s[0], inside_s[-1]))
            windows = inside.group_by("user", "video", "anchor_s", maintain_order=True).agg(
                pl.col("baseline_deg", "candidate_deg").mean()
            )
            selections.append((horizon_range.name, windows))
    return selections


def _compare(label: str, windows: pl.DataFrame, draws: int) -> ComparedError:
    sides = ("baseline_deg", "candidate_deg")
    per_user = windows.group_by("user", maintain_order=True).agg(pl.col(*sides).mean()).sort("user")
    baseline_deg, candidate_deg = (
        torch.from_numpy(per_user[side].to_numpy().copy()) for side in sides
    )
    return compare_users(label, len(windows), baseline_deg, candidate_deg, draws)


def _difference(error: ComparedError) -> str:
    text = f"{error.difference_deg:+.2f}"
    if error.interval_deg is not None:
        low, high = error.interval_deg
        text += f" [{low:+.2f}, {high:+.2f}]{'*' if error.is_clear else ' '}"
    return text


def _runs(runs: Sequence[Path]) -> str:
    seeds = f"mean of {len(runs)} seeds: " if len(runs) > 1 else ""
    return seeds + ", ".join(map(str, runs))
