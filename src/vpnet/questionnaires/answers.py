"""Answers as numbers in [0, 1] by name: the vector q of the fusion model (docs/CONVENTIONS.md).

Numbers and ordered words are scaled to [0, 1], unordered words become one number each
(``gender=female``). Questions without an answer are absent, never 0.
"""

from collections.abc import Mapping

from vpnet.questionnaires.questions import Question
from vpnet.questionnaires.schema import (
    AfterStudy,
    Answers,
    BeforeStudy,
    Questionnaire,
    Session,
    Viewing,
)

_PLACE = ("session", "position")
_OPINION = ("interest", "familiarity")


def _features(section: type[Answers], names: tuple[str, ...] | None = None) -> tuple[str, ...]:
    return tuple(
        feature
        for name, question in _chosen(section, names).items()
        for feature in question.features(name)
    )


def _chosen(section: type[Answers], names: tuple[str, ...] | None) -> Mapping[str, Question]:
    questions = section.questions()
    return questions if names is None else {name: questions[name] for name in names}


ANSWERS = (
    *_features(BeforeStudy),
    *_features(Viewing, _PLACE),
    *_features(Session, ("alertness", "mood")),
)
"""Names of all numbers that are known before a video begins, in the order of the vector q."""

POST_ANSWERS = (*_features(AfterStudy), *_features(Viewing, _OPINION))
"""Names of those that are known only afterwards."""


def encode_answers(questionnaire: Questionnaire, video_id: str) -> dict[str, float]:
    """What a participant had answered when a video began.

    Answers from after the video would tell a model what it is to predict; they are left to
    `encode_post_answers`, for analysis.

    Args:
        questionnaire: The participant's.
        video_id: The video; where the questionnaire does not list it, what belongs to it is absent.

    Returns:
        Numbers in [0, 1] by the names of `ANSWERS`.
    """
    encoded = _encode(questionnaire.pre)
    viewing = questionnaire.viewing(video_id)
    if viewing is not None:
        encoded |= _encode(viewing, _PLACE)
        session = questionnaire.session(viewing.session)
        if session is not None:
            encoded |= _encode(session, ("alertness", "mood"))
    return encoded


def encode_post_answers(questionnaire: Questionnaire, video_id: str) -> dict[str, float]:
    """What a participant answered afterwards: never an input of a model, see `encode_answers`.

    Args:
        questionnaire: The participant's.
        video_id: The video.

    Returns:
        Numbers in [0, 1] by the names of `POST_ANSWERS`.
    """
    encoded = _encode(questionnaire.post)
    viewing = questionnaire.viewing(video_id)
    return encoded if viewing is None else encoded | _encode(viewing, _OPINION)


def _encode(answers: Answers, names: tuple[str, ...] | None = None) -> dict[str, float]:
    encoded: dict[str, float] = {}
    for name, question in _chosen(type(answers), names).items():
        answer = getattr(answers, name)
        if answer is not None:
            encoded |= zip(question.features(name), question.encode(answer), strict=True)
    return encoded
