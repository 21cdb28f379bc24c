"""Questionnaires of participants: where they lie, and what they say about a recording.

A participant has one file, beside the recordings: ``ROOT/<participant>/questionnaire.json`` (or
``.csv``) where the study has a folder for each, ``ROOT/questionnaire_<participant>.json`` where its
files lie side by side. JSON holds the nested form of `Questionnaire`, CSV the long table of
`vpnet.questionnaires.table`; both say the same (docs/CONVENTIONS.md). Every answer may be
missing; unknown questions and answers are refused.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vpnet.errors import InputError
from vpnet.questionnaires.answers import encode_post_answers
from vpnet.questionnaires.schema import (
    AfterStudy,
    BeforeStudy,
    Questionnaire,
    Session,
    Viewing,
)
from vpnet.questionnaires.table import Table, read_table, write_table
from vpnet.whole_files import write_text

FORMATS = ("json", "csv")
COMPLAINTS_SHOWN = 5
_SECTIONS = {"pre": BeforeStudy, "sessions": Session, "videos": Viewing, "post": AfterStudy}
_ENCODING = "utf-8-sig"
"""UTF-8, with the byte-order mark that spreadsheets put before it or without."""


def questionnaire_path(root: str | Path, participant: str, form: str) -> Path:
    """Where the questionnaire of a participant belongs.

    Args:
        root: Folder of the study.
        participant: The participant's name.
        form: One of `FORMATS`.

    Returns:
        In the participant's folder where there is one, else directly in ``root``.
    """
    folder = Path(root) / participant
    if folder.is_dir():
        return folder / f"questionnaire.{form}"
    return Path(root) / f"questionnaire_{participant}.{form}"


def questionnaire_files(root: str | Path, participant: str) -> tuple[Path, ...]:
    """All questionnaires of a participant; there should be one at most.

    Args:
        root: Folder of the study.
        participant: The participant's name.
    """
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
    """Everything a participant answered.

    Args:
        path: A ``.json`` or ``.csv`` file.

    Raises:
        InputError: The file cannot be read, or holds a question or an answer that is not declared.
    """
    path = Path(path)
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
        table = read_table(text, path)
    elif path.suffix == ".json":
        table = Table(_read_json(text, path))
    else:
        raise InputError(
            f"{path}: a questionnaire is a .json or a .csv file, found {path.suffix!r}; rename it"
        )
    try:
        return Questionnaire.model_validate(table.answers)
    except ValidationError as error:
        raise InputError(_complaints(error, path, table.lines)) from error


def write_questionnaire(path: str | Path, questionnaire: Questionnaire) -> None:
    """Write what `read_questionnaire` reads; a blank one is a form to fill in.

    Args:
        path: A ``.json`` or ``.csv`` file.
        questionnaire: What was answered.
    """
    path = Path(path)
    if path.suffix == ".csv":
        write_text(path, write_table(questionnaire))
    else:
        write_text(path, questionnaire.model_dump_json(indent=2) + "\n")


def read_post_answers(path: str | Path, video_id: str) -> dict[str, float]:
    """What a participant answered afterwards, for analysis; never an input of a model.

    Args:
        path: The questionnaire.
        video_id: The video.

    Returns:
        Numbers in [0, 1] by the names of `vpnet.questionnaires.answers.POST_ANSWERS`.

    Raises:
        InputError: See `read_questionnaire`.
    """
    return encode_post_answers(read_questionnaire(path), video_id)


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
            f"({error.msg}); mend the line, or write a new one with vpnet questionnaire"
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


def _complaints(
    error: ValidationError, path: Path, lines: Mapping[tuple[int | str, ...], int]
) -> str:
    """One message of all that is wrong, a line each."""
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
    kind, key = one["type"], str(one["loc"][-1]) if one["loc"] else ""
    if kind == "value_error":
        return str(one["ctx"]["error"])
    if kind == "extra_forbidden":
        allowed = _allowed_keys(one["loc"])
        close = difflib.get_close_matches(key.lower(), allowed, n=1)
        remedy = f"did you mean {close[0]}?" if close else "correct or delete it"
        return f"there is no such question here, allowed are {', '.join(allowed)}; {remedy}"
    if kind == "missing" or one["input"] is None:
        return "this must be given, found nothing; fill it in"
    return f"{one['msg'].lower()}, found {one['input']!r}; see questionnaire_codebook.md"


def _allowed_keys(loc: Sequence[int | str]) -> list[str]:
    section = _SECTIONS[str(loc[0])] if len(loc) > 1 else Questionnaire
    return list(section.model_fields)
