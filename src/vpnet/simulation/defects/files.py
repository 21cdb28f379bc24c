"""Defects of the files of a simulated recording. Each provokes the finding of its name.

``byte_order_mark`` provokes none: readers take it as it comes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from vpnet.whole_files import whole_file, write_text

FileDefect = Callable[[Mapping[str, Path], np.random.Generator], None]
"""Changes the written files of one recording, which are given by the names of their tables."""

NO_NUMBER = "lost"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def unreadable(files: Mapping[str, Path], rng: np.random.Generator) -> None:
    """A word where head.csv must hold a number."""
    _spoil(files["head"], "UnitQuaternion.w", rng)


def gaze_unreadable(files: Mapping[str, Path], rng: np.random.Generator) -> None:
    """A word where eye.csv must hold a number."""
    _spoil(files["eye"], "GazeDir.x", rng)


def face_unreadable(files: Mapping[str, Path], rng: np.random.Generator) -> None:
    """A word where face.csv must hold a number."""
    _spoil(files["face"], "FaceIsValid", rng)


def combined_unreadable(files: Mapping[str, Path], rng: np.random.Generator) -> None:
    """A word where combined.csv must hold a time; its other columns nobody needs."""
    _spoil(files["combined"], "Timestamp", rng)


def last_line_cut(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """The last line of every file ends in its middle: the app was killed."""
    for file in files.values():
        text = file.read_text(encoding="utf-8").rstrip("\n")
        last_line = text[text.rindex("\n") + 1 :]
        write_text(file, text[: -(len(last_line) // 2)])


def byte_order_mark(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """Every file begins with the mark that some programs put before UTF-8."""
    for file in files.values():
        content = file.read_bytes()
        with whole_file(file) as temporary:
            temporary.write_bytes(BYTE_ORDER_MARK + content)


def head_missing(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """There is no head.csv."""
    files["head"].unlink()


def eye_missing(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """There is no eye.csv."""
    files["eye"].unlink()


def face_missing(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """There is no face.csv."""
    files["face"].unlink()


FILE_DEFECTS: Mapping[str, FileDefect] = {
    defect.__name__: defect
    for defect in (
        unreadable,
        gaze_unreadable,
        face_unreadable,
        combined_unreadable,
        last_line_cut,
        byte_order_mark,
        head_missing,
        eye_missing,
        face_missing,
    )
}
"""Each defect by its name, in the order in which several are put in."""


def _spoil(file: Path, column: str, rng: np.random.Generator) -> None:
    """Write a word in the place of one number of a column."""
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    row = int(rng.integers(len(lines)))
    values = lines[row].split(",")
    values[header.split(",").index(column)] = NO_NUMBER
    lines[row] = ",".join(values)
    write_text(file, "\n".join((header, *lines)) + "\n")
