"""Answers of a recording's viewer as numbers in [0, 1] by name (docs/CONVENTIONS.md)."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from vpnet.errors import InputError
from vpnet.questionnaires.questionnaire_files import read_questionnaire
from vpnet.questionnaires.questions import Questionnaire
from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.recording import ANSWERS

VIDEOS_SHOWN = 4


def encode_answers(questionnaire: Questionnaire, video_id: str) -> dict[str, float]:
    """Encode what a participant had answered when a video began, by the names of `ANSWERS`.

    Answers from after the video would tell a model what it is to predict, so they are not encoded.
    Questions without an answer are absent, never 0; so is what belongs to a video that the
    questionnaire does not list.
    """
    encoded: dict[str, float] = {}
    viewing = questionnaire.viewing(video_id)
    session = None if viewing is None else questionnaire.session(viewing.session)
    for section in (questionnaire.pre, viewing, session):
        for name, question in {} if section is None else section.questions().items():
            answer = getattr(section, name)
            if answer is not None:
                encoded |= zip(question.features(name), question.encode(answer), strict=True)
    return {name: encoded[name] for name in ANSWERS if name in encoded}


def recording_answers(
    files: Sequence[Path], video_id: str, findings: list[Finding]
) -> tuple[dict[str, float], dict[str, float]]:
    """Answers of a recording's viewer, and measurements for the checks of the study.

    Args:
        files: The viewer's questionnaires, of which there should be one at most.
        video_id: What was watched.
        findings: What is found is added here.

    Returns:
        What `encode_answers` gives, empty where nothing can be read. And the measurements
        ``has_questionnaire``, 1 for one that says something; ``questionnaire_is_blank``, 1 for one
        that does not; ``session`` and ``position`` (place among all videos of the study, 1 the
        first) where they are known.
    """
    if not files:
        return {}, {"has_questionnaire": 0.0}
    if len(files) > 1:
        others = ", ".join(map(str, files[1:]))
        findings.append(
            RULES["questionnaire_unreadable"].broken(
                f"a participant must have one questionnaire, found also {others}",
                file=files[0],
                remedy="keep one of them",
            )
        )
        return {}, {"has_questionnaire": 1.0}
    try:
        questionnaire = read_questionnaire(files[0])
    except InputError as error:
        findings.append(RULES["questionnaire_unreadable"].broken(str(error)))
        return {}, {"has_questionnaire": 1.0}
    if questionnaire.is_blank:
        return {}, {"has_questionnaire": 0.0, "questionnaire_is_blank": 1.0}
    viewing = questionnaire.viewing(video_id)
    if viewing is None and questionnaire.videos:
        found = _unlisted(video_id, questionnaire)
        findings.append(RULES["video_not_in_questionnaire"].broken(found, file=files[0]))
    place = {
        "session": None if viewing is None else viewing.session,
        "position": questionnaire.overall_position(video_id),
    }
    known = {name: float(value) for name, value in place.items() if value is not None}
    return encode_answers(questionnaire, video_id), {"has_questionnaire": 1.0} | known


def _unlisted(video_id: str, questionnaire: Questionnaire) -> str:
    listed = {one.video.lower(): one.video for one in questionnaire.videos}
    close = difflib.get_close_matches(video_id.lower(), listed, n=1)
    if close:
        found = f"{len(questionnaire.videos)} others, the nearest is {listed[close[0]]}"
    else:
        names = list(listed.values())
        more = ", ..." if len(names) > VIDEOS_SHOWN else ""
        found = f"{', '.join(names[:VIDEOS_SHOWN])}{more}"
    return f"video {video_id} must be listed among the videos that were seen, found {found}"
