"""CSV files read by column name, with messages that name the file, line and column at fault."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from vpnet.errors import InputError
from vpnet.recordings.findings import RULES, Finding, Rule

FIRST_LINE = 2
"""Line of the file that holds row 0 of the table: line 1 holds the names."""


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_AROUND_VALUES = ' \r"'


class UnreadableTable(InputError):
    """A CSV file that cannot be read: the rule and what was found, and the remedy.

    ``line`` is 0 and ``column`` empty where it is the whole file.
    """

    def __init__(
        self, path: Path, found: str, remedy: str, *, line: int = 0, column: str = ""
    ) -> None:
        self.path, self.remedy, self.line = path, remedy, line
        self.found = f"column {column}: {found}" if column else found
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}{', ' if column else ': '}{self.found}; {remedy}")

    def finding(self, rule: Rule, otherwise: str) -> Finding:
        """The same as a finding; ``otherwise`` says what can be done in place of the remedy."""
        return rule.broken(
            self.found,
            file=self.path,
            lines=[(self.line, self.line)] if self.line else (),
            remedy=f"{self.remedy}, {otherwise}",
        )


def read_csv_table(
    path: Path,
    numeric: Sequence[str] | Callable[[Sequence[str]], Sequence[str]],
    text: Sequence[str] = (),
    *,
    optional: Sequence[str] = (),
    findings: list[Finding] | None = None,
) -> pl.DataFrame:
    """Columns of a comma-separated file, chosen by name.

    A last line that was cut off is dropped: its last number may have lost digits. Blank lines at
    the end are no rows.

    Args:
        path: The file: UTF-8 with names in line 1, with or without a byte-order mark.
        numeric: Columns to read as float64; every value must be a finite number. Or a function that
            chooses them from those that the file has.
        text: Columns to read as text.
        optional: Columns to read as float64 where the file has them, NaN where they hold no number.
        findings: A dropped line is added here; None refuses such a file.

    Returns:
        The chosen columns, a row for each line after the first.

    Raises:
        UnreadableTable: The file is missing, empty, not UTF-8, not separated by commas, names a
            column twice, lacks columns or rows, or a required value is not a finite number.
    """
    content = _read_bytes(path)
    names = _names(path, content)
    numeric = numeric(names) if callable(numeric) else numeric
    absent = [name for name in (*numeric, *text) if name not in names]
    if absent:
        raise UnreadableTable(
            path,
            f"the file lacks {len(absent)} of the columns it must have: {_shorten(absent)}; found "
            f"{_shorten(names)}",
            "export it again with these columns, named in line 1 and separated by commas",
        )
    optional = [name for name in optional if name in names]
    _, _, body = content.partition(b"\n")
    body = _without_cut_line(path, _without_blank_end(body), len(names), findings)
    if not body.strip():
        raise UnreadableTable(path, "the file has names in line 1 but no rows", "record it again")
    header = ",".join(names).encode() + b"\n"
    try:
        # As text first: a value that is no number can then be shown as it was written.
        table = pl.read_csv(header + body, columns=[*numeric, *optional, *text], infer_schema=False)
    except pl.exceptions.PolarsError as error:
        _check_lines(path, body, len(names))
        raise UnreadableTable(
            path, f"the file cannot be read as CSV ({error})", "export it again"
        ) from error
    values = table.select(pl.all().str.strip_chars(_AROUND_VALUES)).with_columns(
        pl.col([*numeric, *optional]).cast(pl.Float64, strict=False)
    )
    _check_finite(path, table, values.select(numeric))
    return values.select(*numeric, pl.col(optional).fill_null(float("nan")), *text)


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableTable(
            path, f"the file cannot be read ({error.strerror})", "check the path"
        ) from error
    content = content.removeprefix(_BYTE_ORDER_MARK)
    if not content.strip():
        raise UnreadableTable(path, "the file is empty", "copy it again or remove it")
    return content


def _names(path: Path, content: bytes) -> list[str]:
    line, _, _ = content.partition(b"\n")
    if line.startswith(_UTF_16_MARKS) or b"\0" in line:
        raise UnreadableTable(
            path, "the file must be UTF-8 text, found UTF-16", "save it as UTF-8", line=1
        )
    header = _decoded(path, line, 1, "save it as UTF-8")
    names = [name.strip(_AROUND_VALUES) for name in header.split(",")]
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if header.count(separator) > header.count(","):
            raise UnreadableTable(
                path,
                f"the values must be separated by commas, found {called}, as spreadsheets in some "
                "languages write them",
                "export it again with commas between values and points in numbers",
                line=1,
            )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UnreadableTable(
            path,
            f"every column must have a name of its own, found twice: {_shorten(twice)}",
            "remove or rename one of each",
            line=1,
        )
    return names


def _decoded(path: Path, line: bytes, number: int, remedy: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableTable(
            path,
            f"the file must be UTF-8 text, found byte 0x{line[error.start]:02x}",
            remedy,
            line=number,
        ) from error


def _without_blank_end(body: bytes) -> bytes:
    if not body.strip():
        return b""
    line_end = body.find(b"\n", len(body.rstrip()))
    return body if line_end < 0 else body[: line_end + 1]


def _without_cut_line(
    path: Path, body: bytes, columns: int, findings: list[Finding] | None
) -> bytes:
    rows = body.rstrip(b"\r\n")
    last_begins = rows.rfind(b"\n") + 1
    found = rows[last_begins:].count(b",") + 1
    if rows == body and rows.endswith(b","):
        found -= 1
    if not rows or found >= columns:
        return body
    line = FIRST_LINE + rows[:last_begins].count(b"\n")
    cut = f"the last line is cut off, found {found} of {columns} values"
    if findings is None:
        raise UnreadableTable(path, cut, "copy the file again", line=line)
    findings.append(RULES["last_line_cut"].broken(cut, file=path, lines=[(line, line)], rows=1))
    return rows[:last_begins]


def _check_lines(path: Path, body: bytes, columns: int) -> None:
    """Raise the message for the first line that has too many values or is not UTF-8."""
    for line, row in enumerate(body.split(b"\n"), start=FIRST_LINE):
        found = row.count(b",") + 1
        if found > columns:
            points = b"." in row
            raise UnreadableTable(
                path,
                f"a line must have {columns} values, found {found}",
                "fix or delete it" if points else "export it again with points in numbers",
                line=line,
            )
        _decoded(path, row, line, "fix or delete the line")


def _check_finite(path: Path, table: pl.DataFrame, numbers: pl.DataFrame) -> None:
    finite = numbers.select(pl.all().is_finite().fill_null(False))
    wrong = [(one.arg_min() or 0, one.name) for one in finite if not one.all()]
    if not wrong:
        return
    row, column = min(wrong)
    value = table[column][row]
    found = repr(value) if value else "no value"
    comma = value and _DECIMAL_COMMA.fullmatch(value.strip(_AROUND_VALUES))
    raise UnreadableTable(
        path,
        f"the value must be a finite number, found {found}",
        "export it again with points in numbers" if comma else "fix the value or delete the line",
        line=FIRST_LINE + row,
        column=column,
    )


def _shorten(names: Sequence[str], shown: int = 12) -> str:
    listed = ", ".join(names[:shown])
    return f"{listed}, and {len(names) - shown} more" if len(names) > shown else listed
