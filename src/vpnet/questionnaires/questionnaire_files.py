"""Questionnaires as files, one for each participant, next to the recordings.

The file is ``ROOT/<participant>/questionnaire.json`` (or ``.csv``) where the study has a folder for
each participant, otherwise ``ROOT/questionnaire_<participant>.json``. JSON holds the nested form of
`Questionnaire`, CSV a long table with one line per question; both say the same
(docs/CONVENTIONS.md). Every answer may be missing; unknown questions and answers are refused.

Columns of the CSV form, in any order: section (pre, session, video, post), session (its number, in
section session), video (its name, in section video), question, answer. The column ``allowed`` is
for people and is not read.
"""

import csv
import difflib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vpnet.errors import InputError
from vpnet.questionnaires.questions import NONE_CHOSEN, REPEATED, SECTIONS, Questionnaire
from vpnet.whole_files import write_text

FORMATS = ("json", "csv")
COLUMNS = ("section", "session", "video", "question", "answer")
FOR_PEOPLE = "allowed"
COMPLAINTS_SHOWN = 5
_ENCODING = "utf-8-sig"
"""UTF-8, with or without the byte-order mark that spreadsheets write."""

Place = tuple[int | str, ...]
"""The keys that lead to an answer in the nested form, such as ``("videos", 0, "interest")``."""


def questionnaire_path(root: str | Path, participant: str, form: str) -> Path:
    """Where the questionnaire of a participant belongs, in one of `FORMATS`.

    It is in the participant's folder where there is one, else directly in the study's ``root``.
    """
    folder = Path(root) / participant
    if folder.is_dir():
        return folder / f"questionnaire.{form}"
    return Path(root) / f"questionnaire_{participant}.{form}"


def questionnaire_files(root: str | Path, participant: str) -> tuple[Path, ...]:
    """All questionnaires of a participant of the study at ``root``; there should be at most one."""
    root = Path(root)
    return tuple(
        path
        for form in FORMATS
        for path in (
            root / participant / f"questionnaire.{form}",
            root / f"questionnaire_{participant}.{form}",
        )
        if path.is_file()
    )


def read_questionnaire(path: str | Path) -> Questionnaire:
    """Read everything a participant answered from a ``.json`` or ``.csv`` file.

    Raises:
        InputError: The file cannot be read, or holds a question or an answer that is not declared.
    """
    path = Path(path)
    lines: dict[Place, int] = {}
    try:
        text = path.read_bytes().decode(_ENCODING)
    except OSError as error:
        raise InputError(
            f"{path}: the questionnaire cannot be read ({error.strerror}); check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: a questionnaire must be UTF-8 text, found byte "
            f"0x{error.object[error.start]:02x}; save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
        ) from error
    if path.suffix == ".csv":
        answers, lines = read_table(text, path)
    elif path.suffix == ".json":
        answers = _read_json(text, path)
    else:
        raise InputError(
            f"{path}: a questionnaire is a .json or a .csv file, found {path.suffix!r}; rename it"
        )
    try:
        return Questionnaire.model_validate(answers)
    except ValidationError as error:
        raise InputError(_complaints(error, path, lines)) from error


def write_questionnaire(path: str | Path, questionnaire: Questionnaire) -> None:
    """Write what `read_questionnaire` reads; a blank questionnaire is a form to fill in."""
    path = Path(path)
    if path.suffix == ".csv":
        write_text(path, write_table(questionnaire))
    else:
        write_text(path, questionnaire.model_dump_json(indent=2) + "\n")


def read_table(text: str, path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """Bring the lines of the CSV form into the nested form, not validated yet.

    Returns:
        The nested form, and the line of the file of each answer in it.

    Raises:
        InputError: A column is missing or unknown, or a line does not say what it answers.
    """
    answers: dict[str, Any] = {"pre": {}, "sessions": [], "videos": [], "post": {}}
    lines: dict[Place, int] = {}
    entries: dict[tuple[str, str], tuple[Place, dict[str, str]]] = {}
    for line, row in _rows(text, path):
        where = f"{path}, line {line}"
        section, question = _section_and_question(row, where)
        name = row[section] if section in REPEATED else ""
        if (section, name) not in entries and section in REPEATED:
            listed = answers[f"{section}s"]
            place: Place = (f"{section}s", len(listed))
            listed.append({section: name})
            lines[(*place, section)] = line
            entries[section, name] = place, listed[-1]
        place, entry = entries.setdefault((section, name), ((section,), answers.get(section, {})))
        if question in entry:
            raise InputError(
                f"{where}: a question must be answered once, {question} was already answered in "
                f"line {lines[(*place, question)]}; delete one of the lines"
            )
        entry[question] = row["answer"]
        lines[(*place, question)] = line
    return answers, lines


def write_table(questionnaire: Questionnaire) -> str:
    """The CSV form of a questionnaire, with the allowed answers of each question."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, FOR_PEOPLE))
    for section, session, video, answers in (
        ("pre", "", "", questionnaire.pre),
        *(("session", one.session, "", one) for one in questionnaire.sessions),
        *(("video", "", one.video, one) for one in questionnaire.videos),
        ("post", "", "", questionnaire.post),
    ):
        for name in _questions(section):
            answer = getattr(answers, name)
            if isinstance(answer, tuple):
                answer = "; ".join(answer) or NONE_CHOSEN
            allowed = answers.questions()[name].allowed
            # The writer leaves the cell of an answer that is None empty.
            writer.writerow((section, session, video, name, answer, allowed))
    return text.getvalue()


def _questions(section: str) -> list[str]:
    """Questions of a section that have a line; a session's number has a column instead."""
    return [name for name in SECTIONS[section].questions() if name != section]


def _rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of the file, counted from 1, with their cells by column; blank ones are left out."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        _check_columns(names, path)
        for cells in rows:
            cells = [cell.strip() for cell in cells]
            if any(cells[len(names) :]):
                raise InputError(
                    f"{path}, line {rows.line_num}: a line must have {len(names)} cells, found "
                    f"{len(cells)}; put an answer that holds {delimiter!r} in quotation marks"
                )
            if any(cells):
                row = dict(zip(names, cells, strict=False))
                yield rows.line_num, dict.fromkeys(COLUMNS, "") | row
    except csv.Error as error:
        raise InputError(
            f"{path}, line {rows.line_num}: the line cannot be read as CSV ({error}); correct it"
        ) from error


def _check_columns(names: list[str], path: Path) -> None:
    once = all(names.count(name) == 1 for name in COLUMNS)
    if not once or not set(names) <= {"", *COLUMNS, FOR_PEOPLE}:
        raise InputError(
            f"{path}, line 1: a questionnaire must have the columns {', '.join(COLUMNS)} (and may "
            f"have {FOR_PEOPLE}), each once, separated by commas, semicolons or tabs; found "
            f"{', '.join(names) or 'nothing'}. Correct them, or write a new one with "
            "vpnet questionnaire"
        )


def _section_and_question(row: dict[str, str], where: str) -> tuple[str, str]:
    """The names of both, checked along with the columns that say which session or video."""
    section, question = row["section"].lower(), row["question"].lower()
    if section not in SECTIONS:
        raise InputError(
            f"{where}: section must be one of {', '.join(SECTIONS)}, found {row['section']!r}; "
            "correct it"
        )
    for column in REPEATED:
        if section == column and not row[column]:
            raise InputError(
                f"{where}: in section {section} the column {column} must say which {column} is "
                "meant, found nothing; fill it"
            )
        if section != column and row[column]:
            instead = "answer the question session of the video instead"
            raise InputError(
                f"{where}: in section {section} the column {column} must be empty, found "
                f"{row[column]!r}; {instead if section == 'video' else 'empty it'}"
            )
    if question not in _questions(section):
        raise InputError(
            f"{where}: section {section} has the questions {', '.join(_questions(section))}, found "
            f"{row['question']!r}; correct it or delete the line"
        )
    return section, question


def _read_json(text: str, path: Path) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        for key, value in pairs:
            if key in entry:
                raise InputError(
                    f"{path}: a question must be answered once, found {key!r} twice in one "
                    "section; delete one of them"
                )
            entry[key] = value
        return entry

    try:
        answers = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}: a questionnaire must be JSON, found that it is not "
            f"({error.msg}); correct the line, or write a new one with vpnet questionnaire"
        ) from error
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: a questionnaire must be JSON that can be read, found brackets nested too "
            "deep or a number of too many digits; write a new one with vpnet questionnaire"
        ) from error
    if not isinstance(answers, dict):
        raise InputError(
            f"{path}: a questionnaire must be an object with the keys "
            f"{', '.join(Questionnaire.model_fields)}, found {type(answers).__name__}; write a new "
            "one with vpnet questionnaire"
        )
    return answers


def _complaints(error: ValidationError, path: Path, lines: Mapping[Place, int]) -> str:
    """One message about all wrong answers, a line each."""
    found = []
    for one in error.errors():
        line = lines.get(one["loc"])
        where = f"{path}{'' if line is None else f', line {line}'}"
        key = ".".join(str(part + 1 if isinstance(part, int) else part) for part in one["loc"])
        found.append(f"{where}{', ' if key else ''}{key}: {_complaint(one)}")
    if len(found) > COMPLAINTS_SHOWN:
        found[COMPLAINTS_SHOWN:] = [f"and {len(found) - COMPLAINTS_SHOWN} more"]
    return "\n".join(found)


def _complaint(one: Any) -> str:
    kind, place = one["type"], one["loc"]
    if kind == "value_error":
        return str(one["ctx"]["error"])
    if kind == "extra_forbidden":
        section = SECTIONS[place[0].removesuffix("s")] if len(place) > 1 else Questionnaire
        allowed = list(section.model_fields)
        close = difflib.get_close_matches(str(place[-1]).lower(), allowed, n=1)
        remedy = f"did you mean {close[0]}?" if close else "correct or delete it"
        return f"there is no such question here, allowed are {', '.join(allowed)}; {remedy}"
    if kind == "missing" or one["input"] is None:
        return "this must be given, found nothing; fill it in"
    return f"{one['msg'].lower()}, found {one['input']!r}; see questionnaire_codebook.md"
