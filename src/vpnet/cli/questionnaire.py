"""The command `vpnet questionnaire`: forms to fill in with the participants."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.errors import InputError

if TYPE_CHECKING:
    from vpnet.quest_pro.files import QuestProFiles


def questionnaire(
    root: Annotated[Path, typer.Argument(help="Folder of a study.")],
    format: Annotated[
        str, typer.Option(help="json (for an editor) or csv (for a spreadsheet).")
    ] = "csv",
    participants: Annotated[
        list[str] | None,
        typer.Option(help="Write only for this participant; repeat it for others."),
    ] = None,
    sessions: Annotated[int, typer.Option(help="Sessions of each participant.")] = 2,
) -> None:
    """Write a form for each participant who has none yet."""
    from vpnet.quest_pro.files import find_recordings
    from vpnet.questionnaires.questionnaire_files import (
        FORMATS,
        questionnaire_files,
        questionnaire_path,
        write_questionnaire,
    )
    from vpnet.questionnaires.questions import CODEBOOK_NAME, SESSION, Questionnaire, write_codebook
    from vpnet.whole_files import write_text

    if format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, got {format!r}")
    if not 1 <= sessions <= SESSION.highest:
        raise InputError(f"--sessions must be from 1 to {SESSION.highest}, got {sessions}")
    recordings = find_recordings(root)
    if _is_part(root, recordings):
        raise InputError(
            f"{root}: forms are written for a study, found a part of one, whose forms lie further "
            "up; name the folder of the study"
        )
    videos: dict[str, list[str]] = {}
    for files in recordings:
        seen = videos.setdefault(files.user_id, [])
        if files.video_id not in seen:
            seen.append(files.video_id)
    unknown = sorted(set(participants or ()) - set(videos))
    if unknown:
        raise InputError(
            f"{root}: --participants must be people of the study, found no recording of "
            f"{', '.join(unknown)}; there are {', '.join(videos)}"
        )
    chosen = participants or list(videos)
    without = [name for name in chosen if not questionnaire_files(root, name)]
    for name in without:
        path = questionnaire_path(root, name, format)
        write_questionnaire(path, Questionnaire.blank(videos[name], sessions))
        typer.echo(f"to be filled in: {path}")
    kept = [name for name in chosen if name not in without]
    if kept:
        typer.echo(f"have one already, left as it is: {', '.join(kept)}")
    codebook = root / CODEBOOK_NAME
    if without and not codebook.exists():
        write_text(codebook, write_codebook())
    if codebook.exists():
        typer.echo(f"questions and allowed answers: {codebook}")


def _is_part(root: Path, recordings: "Sequence[QuestProFiles]") -> bool:
    """Whether readers look for questionnaires above the folder, and would find no form in it."""
    # A study may bear the name of someone who has a folder in it.
    of_one = root.absolute().name
    return (
        root.is_file()
        or recordings[0].source == str(root)
        or (recordings[0].user_id == of_one and not (root / of_one).is_dir())
    )
