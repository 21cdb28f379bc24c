"""Defects of the questionnaires of a simulated study. Each provokes the finding of its name."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from vpnet.whole_files import write_text

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
