"""A questionnaire as a long table, one line per question: what spreadsheets are good at.

Columns: section (pre, session, video, post), session (its number, in section session), video (its
name, in section video), question, answer; a column ``allowed``, for people, is passed over. The
first line names the columns, in any order.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vpnet.errors import InputError
from vpnet.questionnaires.questions import Several
from vpnet.questionnaires.schema import (
    AfterStudy,
    Answers,
    BeforeStudy,
    Questionnaire,
    Session,
    Viewing,
)

COLUMNS = ("section", "session", "video", "question", "answer")
FOR_PEOPLE = "allowed"
SECTIONS: dict[str, type[Answers]] = {
    "pre": BeforeStudy,
    "session": Session,
    "video": Viewing,
    "post": AfterStudy,
}
"""What the column section may say, and the questions of each."""

_KEYS = {"session": "session", "video": "video"}
"""The column that says which one is meant, for sections of which there are several."""

_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """A table in the nested form of `Questionnaire`, not checked yet.

    Args:
        answers: The nested form.
        lines: Line of the file of each answer, by its place in the nested form.
    """

    answers: dict[str, Any] = field(
        default_factory=lambda: {"pre": {}, "sessions": [], "videos": [], "post": {}}
    )
    lines: dict[tuple[int | str, ...], int] = field(default_factory=dict)


def read_table(text: str, path: Path) -> Table:
    """Bring the lines of a table into the nested form.

    Args:
        text: Content of the file.
        path: The file, for messages.

    Raises:
        InputError: A column is missing or unknown, or a line does not say what it answers.
    """
    table = Table()
    entries: dict[tuple[str, str], tuple[int | str, ...]] = {}
    for line, row in _rows(text, path):
        where = f"{path}, line {line}"
        section = row["section"].lower()
        if section not in SECTIONS:
            raise InputError(
                f"{where}: section must be one of {', '.join(SECTIONS)}, found {row['section']!r}; "
                "correct it"
            )
        _check_keys(row, section, where)
        question = row["question"].lower()
        if question not in SECTIONS[section].questions() or question == _KEYS.get(section):
            allowed = ", ".join(_asked(SECTIONS[section]))
            raise InputError(
                f"{where}: section {section} has the questions {allowed}, found "
                f"{row['question']!r}; correct it or delete the line"
            )
        key = row[_KEYS[section]] if section in _KEYS else ""
        place = entries.get((section, key)) or _new_entry(table, section, key, line)
        entries[section, key] = place
        entry = _at(table.answers, place)
        if question in entry:
            raise InputError(
                f"{where}: a question must be answered once, {question} was already answered in "
                f"line {table.lines[(*place, question)]}; delete one of the lines"
            )
        entry[question] = row["answer"]
        table.lines[(*place, question)] = line
    return table


def write_table(questionnaire: Questionnaire) -> str:
    """The table of a questionnaire, with the allowed answers beside each question.

    Args:
        questionnaire: What was answered, or a blank with its sessions and videos.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, FOR_PEOPLE))
    for section, session, video, answers in (
        ("pre", "", "", questionnaire.pre),
        *(("session", one.session, "", one) for one in questionnaire.sessions),
        *(("video", "", one.video, one) for one in questionnaire.videos),
        ("post", "", "", questionnaire.post),
    ):
        for name in _asked(SECTIONS[section]):
            question = answers.questions()[name]
            cell = _cell(getattr(answers, name), isinstance(question, Several))
            writer.writerow((section, session, video, name, cell, question.allowed))
    return text.getvalue()


def _asked(section: type[Answers]) -> list[str]:
    """Questions of a section that have a line; the number of a session stands in its column."""
    return [name for name in section.questions() if not (section is Session and name == "session")]


def _cell(answer: Any, several: bool) -> str:
    if answer is None:
        return ""
    return ("; ".join(answer) or "none") if several else str(answer)


def _rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of the file with their cells by column, blank lines left out."""
    header_line = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        _check_columns(names, path)
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            if any(cell.strip() for cell in cells[len(names) :]):
                raise InputError(
                    f"{path}, line {rows.line_num}: a line must have {len(names)} cells, found "
                    f"{len(cells)}; put an answer that holds {delimiter!r} in quotation marks"
                )
            row = dict.fromkeys(COLUMNS, "") | {
                name: cell.strip() for name, cell in zip(names, cells, strict=False)
            }
            yield rows.line_num, row
    except csv.Error as error:
        raise InputError(
            f"{path}, line {rows.line_num}: the line cannot be read as CSV ({error}); mend it"
        ) from error


def _check_columns(names: list[str], path: Path) -> None:
    absent = [name for name in COLUMNS if name not in names]
    foreign = [name for name in names if name and name not in (*COLUMNS, FOR_PEOPLE)]
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if absent or foreign or twice:
        raise InputError(
            f"{path}, line 1: a questionnaire must have the columns {', '.join(COLUMNS)} (and may "
            f"have {FOR_PEOPLE}), each once, separated by commas, semicolons or tabs; found "
            f"{', '.join(names) or 'nothing'}. Correct them, or write a new one with "
            "vpnet questionnaire"
        )


def _check_keys(row: dict[str, str], section: str, where: str) -> None:
    for key_section, column in _KEYS.items():
        if section == key_section and not row[column]:
            raise InputError(
                f"{where}: in section {section} the column {column} must say which {column} is "
                "meant, found nothing; fill it"
            )
        if section != key_section and row[column]:
            remedy = (
                "answer the question session of the video instead"
                if section == "video"
                else "empty it"
            )
            raise InputError(
                f"{where}: in section {section} the column {column} must be empty, found "
                f"{row[column]!r}; {remedy}"
            )


def _new_entry(table: Table, section: str, key: str, line: int) -> tuple[int | str, ...]:
    """Place of a section in the nested form; made where there are several of its kind."""
    if section not in _KEYS:
        return (section,)
    entries = table.answers[f"{section}s"]
    entries.append({_KEYS[section]: key})
    place = (f"{section}s", len(entries) - 1)
    table.lines[(*place, _KEYS[section])] = line
    return place


def _at(answers: Any, place: Iterable[int | str]) -> Any:
    for part in place:
        answers = answers[part]
    return answers
