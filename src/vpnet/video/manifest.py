"""The list of videos to get: a CSV file of names and links, as people share them."""

import csv
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from vpnet.errors import InputError
from vpnet.studies.video_durations import VIDEO_ENDINGS

NAME_COLUMNS = ("name", "video", "title")
LINK_COLUMNS = ("link", "url", "dropboxlink")
WU_COLUMN = "videono"
"""Of videoMeta.csv in the Experiment folders of Wu et al., MMSys 2017."""

_REMEDY = "give a CSV file with the columns name and link, or the Wu data set's videoMeta.csv"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
_EXPERIMENT = re.compile(r"Experiment_(\d+)$")
_WU_FILE = re.compile(r"(\d+)-(\d+)-")
_LONGEST_BYTES = 180


class ManifestEntry(NamedTuple):
    """One video to get."""

    name: str
    """Of the file, without its ending; safe on every file system."""
    link: str
    """As the list has it."""
    line: int
    """Line of the list."""
    complaint: str = ""
    """Why the link cannot be that of the video, which is then not fetched; else empty."""


def read_manifest(path: str | Path) -> list[ManifestEntry]:
    """Read a list of videos, in UTF-8.

    Columns are known by their names, whatever their case and order, others are ignored; values are
    separated by commas, semicolons or tabs.

    Wu's lists, one an experiment, number the videos from 1; they are named as the recordings are,
    which count from 0: number 1 of experiment 2 is 2_0. The experiment is that of the list's
    folder, Experiment_2, else of the file behind the link, 2-1-Korean.mp4. Under this rule the
    lists' durations agree with the recordings' for all 18. A link to a file of another number is a
    mistake of the list (number 9 of experiment 2 has that of number 8): it is not fetched.

    Raises:
        InputError: It is missing, no such list, or some rows are wrong; all of them are named.
    """
    path = Path(path)
    folder = _EXPERIMENT.match(path.absolute().parent.name)
    of_folder = folder.group(1) if folder is not None else ""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text in UTF-8 ({error.reason}); {_REMEDY}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; {_REMEDY}") from error
    rows = _rows(path, text)
    entries: list[ManifestEntry] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for line, row in rows:
        link = next((row[column] for column in LINK_COLUMNS if column in row), "")
        name = next((row[column] for column in NAME_COLUMNS if column in row), None)
        complaint = ""
        if name is None:
            name, complaint = _wu_name(row, link, of_folder)
        safe = safe_name(name)
        # Some file systems take a and A for one name, and so would a resumed download.
        key = safe.casefold()
        if not safe:
            wrong.append(f"line {line}: {complaint or f'no name, found {name!r}'}")
        elif key in seen:
            wrong.append(f"line {line}: {safe!r} is in line {seen[key]} already")
        elif not _is_link(link):
            wrong.append(f"line {line}: a link begins with http:// or https://, found {link!r}")
        seen.setdefault(key, line)
        entries.append(ManifestEntry(safe, link, line, complaint))
    if wrong:
        raise InputError(f"{path}: {'; '.join(wrong)}; fix or delete these lines")
    return entries


def safe_name(name: str) -> str:
    """A name that every file system takes, close to the given one; may be empty."""
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
    first = next((line for line in text.split("\n") if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}; {_REMEDY}") from error
    columns = [column.strip().casefold() for column in rows.pop(0)[1]] if rows else []
    has_name = any(column in columns for column in (*NAME_COLUMNS, WU_COLUMN))
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


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _wu_name(row: Mapping[str, str], link: str, of_folder: str) -> tuple[str, str]:
    """Name of a video in Wu's list, empty where there is none, and what is wrong with its row."""
    number = row[WU_COLUMN]
    if not number.isdecimal() or int(number) == 0:
        return "", f"VideoNo must be a whole number from 1, found {number!r}"
    target = PurePosixPath(unquote(urlsplit(link).path)).name if _is_link(link) else ""
    file = _WU_FILE.match(target)
    experiment = of_folder or (file.group(1) if file is not None else "")
    if not experiment:
        return "", "the experiment is unknown; keep the list in its Experiment_ folder"
    name = f"{experiment}_{int(number) - 1}"
    if file is not None and (file.group(1), int(file.group(2))) != (experiment, int(number)):
        found = f"{file.group(1)}-{file.group(2)}"
        return name, f"the list gives it the link of video {found}; find the right one"
    return name, ""


def direct_link(link: str) -> str:
    """The address of the file that a shared link shows a page about.

    Dropbox gives the file where ``dl=1``; Google Drive has an address of its own for downloads,
    where ``confirm`` skips the page that warns of large files. Other links stay as they are.
    """
    parts = urlsplit(link)
    host = (parts.hostname or "").removeprefix("www.")
    if host == "dropbox.com":
        query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "dl"]
        return urlunsplit(parts._replace(query=urlencode([*query, ("dl", "1")])))
    if host in ("drive.google.com", "docs.google.com"):
        folders = parts.path.split("/")
        number = parse_qs(parts.query).get("id", [""])[0]
        if "d" in folders[:-1]:
            number = folders[folders.index("d") + 1]
        if number:
            query = urlencode({"id": number, "export": "download", "confirm": "t"})
            return f"https://drive.usercontent.google.com/download?{query}"
    return link
