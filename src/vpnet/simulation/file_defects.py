"""Defects of files in a simulated study. Each provokes the finding of its name."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
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


Written = Sequence[Path]
"""The questionnaires of a study, JSON, of which there is at least one."""


def video_not_in_questionnaire(written: Written) -> None:
    """The first one to answer wrote the name of a video with another letter."""
    answers = json.loads(written[0].read_text(encoding="utf-8"))
    answers["videos"][0]["video"] = answers["videos"][0]["video"].capitalize()
    write_text(written[0], json.dumps(answers, indent=2) + "\n")


def questionnaire_unreadable(written: Written) -> None:
    """The file of the last one to answer ends in its middle."""
    text = written[-1].read_text(encoding="utf-8")
    write_text(written[-1], text[: len(text) // 2])


QUESTIONNAIRE_DEFECTS: Mapping[str, Callable[[Written], None]] = {
    defect.__name__: defect for defect in (video_not_in_questionnaire, questionnaire_unreadable)
}
"""Each defect by its name, in the order in which several are put in."""


def spoil_questionnaires(written: Sequence[Path], defects: Collection[str]) -> None:
    """Put the given ones of `QUESTIONNAIRE_DEFECTS` into the questionnaires of a study.

    Args:
        written: The questionnaires, JSON, in the order of the participants.
        defects: Names; others are passed over.
    """
    for name, defect in QUESTIONNAIRE_DEFECTS.items():
        if name in defects:
            defect(written)
