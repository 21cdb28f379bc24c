"""CSV files read by column name, with messages that say which file, line and column is wrong."""

import logging
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from vpnet.errors import InputError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOGGER = logging.getLogger(__name__)

FIRST_LINE = 2
"""Line of the file that holds row 0 of the table: line 1 holds the names."""


def read_csv_header(path: Path) -> list[str]:
    """Names of a CSV file's columns, without a byte-order mark, quotes or spaces around them.

    Args:
        path: The file.

    Raises:
        InputError: The file is missing, empty or no UTF-8 text.
    """
    return _names(path, _read_bytes(path))


def read_csv_table(path: Path, numeric: Sequence[str], text: Sequence[str] = ()) -> pl.DataFrame:
    """Columns of a comma-separated file, chosen by name.

    A last line that was cut off is dropped and logged: its last number may have lost digits.

    Args:
        path: The file: UTF-8 with names in line 1, a byte-order mark may stand before them.
        numeric: Columns to read as float64; every value must be a finite number.
        text: Columns to read as text.

    Returns:
        The chosen columns, a row for each line after the first.

    Raises:
        InputError: The file is missing, empty or no UTF-8 text, lacks columns or rows, or holds
            something other than a finite number where one is due.
    """
    content = _read_bytes(path)
    names = _names(path, content)
    absent = [name for name in (*numeric, *text) if name not in names]
    if absent:
        raise InputError(
            f"{path}: the file lacks {len(absent)} of the columns it must have: "
            f"{_shorten(absent)}; found {_shorten(names)}. Export it again with these columns, "
            "named in line 1 and separated by commas"
        )
    _, _, body = content.partition(b"\n")
    body = _without_cut_line(path, body, len(names))
    if not body.strip():
        raise InputError(f"{path}: the file has names in line 1 but no rows; record it again")
    header = ",".join(names).encode() + b"\n"
    try:
        # As text first: the value that is no number can then be shown as it stands.
        table = pl.read_csv(header + body, columns=[*numeric, *text], infer_schema=False)
    except pl.exceptions.PolarsError as error:
        _check_lines(path, body, len(names))
        raise InputError(
            f"{path}: the file cannot be read as CSV ({error}); export it again"
        ) from error
    numbers = table.select(pl.col(numeric).str.strip_chars(' \r"').cast(pl.Float64, strict=False))
    _check_finite(path, table, numbers)
    return numbers.with_columns(table.select(text))


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the file cannot be read ({error.strerror}); check the path"
        ) from error
    content = content.removeprefix(_BYTE_ORDER_MARK)
    if not content.strip():
        raise InputError(f"{path}: the file is empty; copy it again or remove it")
    return content


def _names(path: Path, content: bytes) -> list[str]:
    line, _, _ = content.partition(b"\n")
    try:
        header = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line 1: the file must be UTF-8 text, found byte 0x{line[error.start]:02x}; "
            "save it as UTF-8"
        ) from error
    return [name.strip().strip('"') for name in header.split(",")]


def _without_cut_line(path: Path, body: bytes, columns: int) -> bytes:
    rows = body.rstrip(b"\r\n")
    last_begins = rows.rfind(b"\n") + 1
    found = rows[last_begins:].count(b",") + 1
    if rows == body and rows.endswith(b","):
        found -= 1
    if not rows or found >= columns:
        return body
    line = FIRST_LINE + rows[:last_begins].count(b"\n")
    _LOGGER.warning(
        "%s, line %d: the last line is cut off (%d of %d values) and is dropped",
        path,
        line,
        found,
        columns,
    )
    return rows[:last_begins]


def _check_lines(path: Path, body: bytes, columns: int) -> None:
    """Raise the message for the first line that has too many values or is no text."""
    for line, row in enumerate(body.split(b"\n"), start=FIRST_LINE):
        found = row.count(b",") + 1
        if found > columns:
            raise InputError(
                f"{path}, line {line}: a line must have {columns} values, found {found}; "
                "mend or delete it"
            )
        try:
            row.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}, line {line}: the file must be UTF-8 text, found byte "
                f"0x{row[error.start]:02x}; mend or delete the line"
            ) from error


def _check_finite(path: Path, table: pl.DataFrame, numbers: pl.DataFrame) -> None:
    finite = numbers.select(pl.all().is_finite().fill_null(False))
    if finite.select(pl.all_horizontal(pl.all().all())).item():
        return
    row, column = min(
        (finite[name].arg_min() or 0, name) for name in finite.columns if not finite[name].all()
    )
    value = table[column][row]
    found = repr(value) if value else "no value"
    raise InputError(
        f"{path}, line {FIRST_LINE + row}, column {column}: the value must be a finite number, "
        f"found {found}; mend the value or delete the line"
    )


def _shorten(names: Sequence[str], shown: int = 12) -> str:
    listed = ", ".join(names[:shown])
    return f"{listed}, and {len(names) - shown} more" if len(names) > shown else listed
