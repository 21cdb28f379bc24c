"""An ablation as a table: for the terminal and Markdown, and as plain records for CSV and W&B."""

import csv
import io
from typing import Any

from vpnet.runs.ablation import Ablation, AblationRow
from vpnet.runs.results import UNKNOWN, WORSE_MARK, is_worse
from vpnet.runs.seeds import BASELINE
from vpnet.evaluation.text_table import TextTable

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
    """One record per row and horizon, with the keys `COLUMNS`; None for what there is not."""
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
    """The records as CSV; an empty cell for what there is not."""
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
        counted = str(found) if found == seed_count else f"{found} of {seed_count}"
        label += f", {counted} seed{'' if seed_count == 1 else 's'}"
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
    lows, highs = (
        [
            UNKNOWN if error.interval_deg is None else f"{error.interval_deg[end]:+.2f}"
            for error in row.errors
        ]
        for end in (0, 1)
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
    counted = first.errors[0]
    notes = [f"{counted.window_count:,} windows of {counted.user_count} users"]
    if any(row.is_compared for row in others):
        notes.append(
            f"difference: to {first.label}, paired per user, seeds averaged first; low, high: its "
            "95 % bootstrap interval over users; * where that excludes zero: other users would "
            "differ likewise, other seeds need not, see their standard deviation"
        )
    else:
        notes.append("no differences: the row that others are held against has no finished run")
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
