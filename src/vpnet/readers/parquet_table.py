"""The columns of vpnet's parquet files, read and checked; `parquet` explains them."""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError

HEAD = ("head_x", "head_y", "head_z")
GAZE = ("gaze_x", "gaze_y", "gaze_z")
ORIENTATION = ("quat_x", "quat_y", "quat_z", "quat_w")

LENGTH_TOLERANCE = 0.01
"""Vectors this near to unit length are scaled to it: files are rounded."""


def read_parquet_table(source: str) -> pl.DataFrame:
    """The file's columns that mean something here: ids as text, numbers as float64.

    Args:
        source: The file.

    Raises:
        InputError: It is no such parquet file, or a row lacks its user, video or time.
    """
    try:
        names = set(pl.read_parquet_schema(source))
        _check_columns(names, source)
        wanted = ("user", "video", "t", *HEAD, *GAZE, *ORIENTATION, "gaze_valid")
        table = pl.read_parquet(source, columns=[name for name in wanted if name in names])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{source}: the parquet file cannot be read ({error}); check the path, or write the "
            "file again"
        ) from error
    if len(table) == 0:
        raise InputError(f"{source}: the file has no rows; write it again")
    number = pl.col([name for name in table.columns if name in ("t", *HEAD, *GAZE, *ORIENTATION)])
    try:
        # The decimals that a float32 prints as are those that were meant: 49.3, not 49.29999924.
        if table.schema["t"] == pl.Float32:
            table = table.with_columns(pl.col("t").cast(pl.String))
        table = table.with_columns(number.cast(pl.Float64), pl.col("user", "video").cast(pl.String))
        if "gaze_valid" in table.columns:
            table = table.with_columns(pl.col("gaze_valid").cast(pl.Boolean).fill_null(False))
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{source}: the columns must hold numbers, and gaze_valid booleans: {error}; write the "
            "file again"
        ) from error
    for name in ("user", "video", "t"):
        wrong = table[name].is_null()
        if name == "t":
            wrong = wrong | ~table[name].is_finite().fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise InputError(
                f"{source}, row {row + 1}, column {name}: every row must have a value, found "
                f"{table[name][row]}; mend or delete the row"
            )
    return table


def _check_columns(names: set[str], source: str) -> None:
    required = {"user", "video", "t", *HEAD}
    for group in (GAZE, ORIENTATION):
        if names & set(group):
            required |= set(group)
    if "gaze_valid" in names:
        required |= set(GAZE)
    absent = sorted(required - names)
    if absent:
        raise InputError(
            f"{source}: the file lacks the columns {', '.join(absent)}, found "
            f"{', '.join(sorted(names))}; docs/CONVENTIONS.md has the table of columns"
        )


def unit_vectors(
    table: pl.DataFrame,
    columns: Sequence[str],
    placeholder: tuple[float, ...],
    source: str,
    mask: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Unit vectors of all rows, and which were measured; the others hold the placeholder.

    Args:
        table: What `read_parquet_table` gave.
        columns: The vectors' components, for example `HEAD`.
        placeholder: Unit vector for rows that were not measured.
        source: The file, for messages.
        mask: Boolean column that marks rows as measured, where the table has it.

    Returns:
        Vectors, float64, shape ``(rows, components)``, and booleans, shape ``(rows,)``.

    Raises:
        InputError: A measured row is not near unit length.
    """
    empty = table.select(pl.all_horizontal(pl.col(columns).is_null())).to_series()
    measured = torch.from_numpy((~empty).to_numpy(writable=True))
    if mask is not None and mask in table.columns:
        measured &= torch.from_numpy(table[mask].to_numpy(writable=True))
    values = torch.from_numpy(table.select(columns).to_numpy(writable=True))
    length = torch.linalg.vector_norm(values, dim=-1)
    # A length that is not a number compares as False.
    wrong = measured & ~((length - 1).abs() <= LENGTH_TOLERANCE)
    if wrong.any():
        row = int(torch.nonzero(wrong)[0])
        raise InputError(
            f"{source}, row {row + 1}, columns {columns[0]} to {columns[-1]}: the values must be a "
            f"vector of length 1 (within {LENGTH_TOLERANCE:.0%}), or all empty for a sample that "
            f"was not measured, found {list(table.select(columns).row(row))}; mend the row "
            f"({int(wrong.sum())} rows are wrong)"
        )
    unit = torch.nn.functional.normalize(values, dim=-1)
    return torch.where(measured.unsqueeze(-1), unit, unit.new_tensor(placeholder)), measured
