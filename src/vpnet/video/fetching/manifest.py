"""The list of videos to get: a CSV file of names and links."""

import csv
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from vpnet.errors import InputError
from vpnet.recordings.video_durations import VIDEO_ENDINGS

NAME_COLUMNS = ("name", "video", "title")
LINK_COLUMNS = ("link", "url", "dropboxlink")
WU_COLUMNS = ("videono", "content")
"""Of videoMeta.csv, which Wu et al. hand out with their recordings."""

_REMEDY = "give a CSV file with the columns name and link, or the Wu data set's videoMeta.csv"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
_WU_NUMBER = re.compile(r"(\d+)\s*[-_]\s*(\d+)$")
_LONGEST_BYTES = 180


class ManifestEntry(NamedTuple):
    """One video to get."""

    name: str
    """Of the file, without its ending; safe on every file system."""
    link: str
    """As it stands in the list."""
    line: int
    """Where it stands."""


def read_manifest(path: str | Path) -> list[ManifestEntry]:
    """Read a list of videos.

    Columns are known by their names, whatever their case and order, others are ignored; values are
    separated by commas, semicolons or tabs. In Wu's list a video numbered 1-1 is named 1_0, as its
    recordings are, since those count from 0 within an experiment; a list that itself counts from 0
    is left as it is. No original list was at hand when this was written.

    Args:
        path: The file, UTF-8.

    Raises:
        InputError: It is missing, no such list, or some rows are wrong; all of them are named.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8 ({error.reason}); {_REMEDY}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; {_REMEDY}") from error
    rows = _rows(path, text)
    names = _names(path, rows)
    entries: list[ManifestEntry] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for (line, row), name in zip(rows, names, strict=True):
        link = next((row[column] for column in LINK_COLUMNS if column in row), "")
        safe = safe_name(name)
        # Some file systems take a and A for one name, and so would a resumed download.
        key = safe.casefold()
        if not safe:
            wrong.append(f"line {line}: no name, found {name!r}")
        elif key in seen:
            wrong.append(f"line {line}: {safe!r} is in line {seen[key]} already")
        elif urlsplit(link).scheme not in ("http", "https") or not urlsplit(link).hostname:
            wrong.append(f"line {line}: a link begins with http:// or https://, found {link!r}")
        seen.setdefault(key, line)
        entries.append(ManifestEntry(safe, link, line))
    if wrong:
        raise InputError(f"{path}: {'; '.join(wrong)}; mend or delete these lines")
    return entries


def safe_name(name: str) -> str:
    """A name that every file system takes, as like the given one as can be; may be empty."""
    name = unicodedata.normalize("NFC", name).strip()
    if Path(name).suffix.lower() in VIDEO_ENDINGS:
        name = name[: -len(Path(name).suffix)]
    # A leading dot would hide the file, a trailing one is dropped by Windows.
    name = _FORBIDDEN.sub("_", name).strip(". ")
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name.encode()[:_LONGEST_BYTES].decode(errors="ignore").strip(". ")


def _rows(path: Path, text: str) -> list[tuple[int, dict[str, str]]]:
    """Rows that hold anything, by column in lower case, with their lines."""
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        columns = [column.strip().casefold() for column in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}; {_REMEDY}") from error
    has_name = any(column in columns for column in (*NAME_COLUMNS, WU_COLUMNS[0]))
    if not has_name or not any(column in columns for column in LINK_COLUMNS):
        raise InputError(
            f"{path}: needs a column of names ({', '.join(NAME_COLUMNS)}, or VideoNo) and one of "
            f"links ({', '.join(LINK_COLUMNS)}), found {', '.join(columns) or 'nothing'}; {_REMEDY}"
        )
    if not rows:
        raise InputError(f"{path}: lists no video; {_REMEDY}")
    found = []
    for line, row in rows:
        padded = [cell.strip() for cell in row] + [""] * (len(columns) - len(row))
        found.append((line, dict(zip(columns, padded, strict=False))))
    return found


def _names(path: Path, rows: list[tuple[int, dict[str, str]]]) -> list[str]:
    plain = [_plain_name(row) for _, row in rows]
    if all(name is not None for name in plain):
        return [name for name in plain if name is not None]
    numbers = [_WU_NUMBER.match(row.get(WU_COLUMNS[0], "")) for _, row in rows]
    counted = [int(number.group(2)) for number in numbers if number is not None]
    first = 0 if 0 in counted else 1
    names = []
    for (_, row), number in zip(rows, numbers, strict=True):
        if number is None:
            names.append("-".join(row[column] for column in WU_COLUMNS if row.get(column)))
        else:
            names.append(f"{number.group(1)}_{int(number.group(2)) - first}")
    return names


def _plain_name(row: Mapping[str, str]) -> str | None:
    """What a column of names holds; None where there is none."""
    return next((row[column] for column in NAME_COLUMNS if column in row), None)
