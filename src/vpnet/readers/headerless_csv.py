"""CSV files without a line of names: columns are known by their place.

Several public data sets are handed out so. Every line must have the same number of values; that
they are the right ones, each reader checks by their range.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from vpnet.recordings.csv_table import LAST_LINE_CUT, UnreadableTable
from vpnet.recordings.findings import Finding

FIRST_LINE = 1
"""Line of the file that holds row 0 of the table."""


def read_headerless_csv(
    path: Path, columns: Sequence[str], findings: list[Finding]
) -> pl.DataFrame:
    """All lines as text, under the given names; values that a line lacks are null.

    Args:
        path: The file.
        columns: Names for the columns, in their order.
        findings: A last line that is cut off is dropped and added here.

    Raises:
        UnreadableTable: The file is missing, empty, no text, or has a line of more values.
    """
    try:
        table = pl.read_csv(path, has_header=False, schema=dict.fromkeys(columns, pl.String))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableTable(
            path,
            f"a line must be {','.join(columns)}, the file cannot be read so ({error})",
            "unpack it again",
        ) from error
    if len(table) == 0:
        raise UnreadableTable(path, "the file is empty", "copy it again or remove it")
    present = len(columns) - sum(value is None for value in table.row(-1))
    if present < len(columns):
        line = len(table)
        findings.append(
            LAST_LINE_CUT.broken(
                f"the last line is cut off, found {present} of {len(columns)} values",
                file=path,
                lines=[(line, line)],
                rows=1,
            )
        )
        table = table[:-1]
    return table


def numbers(table: pl.DataFrame, columns: Sequence[str]) -> Tensor:
    """Columns as float64, shape ``(rows, columns)``; NaN where the text is no number."""
    values = table.select(pl.col(columns).str.strip_chars().cast(pl.Float64, strict=False))
    return torch.from_numpy(values.fill_null(float("nan")).to_numpy(writable=True))


def words(table: pl.DataFrame, columns: Sequence[str]) -> Tensor:
    """Rows in which columns hold their own names, as marks between numbers; shape ``(rows,)``."""
    named = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(name)) for name in columns)
    return torch.from_numpy(table.select(named).to_series().to_numpy(writable=True))


def require_lines(path: Path, table: pl.DataFrame, good: Tensor, rule: str) -> None:
    """Refuse a file that has a bad line.

    Args:
        path: The file.
        table: Its lines, as `read_headerless_csv` gave them.
        good: Which of them keep to the rule, shape ``(rows,)``.
        rule: What a line must be.

    Raises:
        UnreadableTable: A line is bad; the message shows the first.
    """
    if not good.all():
        row = int(torch.nonzero(~good)[0])
        found = ",".join(value or "" for value in table.row(row))
        raise UnreadableTable(
            path,
            f"a line must be {rule}, found {found} ({int((~good).sum())} lines are wrong)",
            "mend or delete it",
            line=FIRST_LINE + row,
        )
