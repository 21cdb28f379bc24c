"""What the viewer of one recording answered, and what is wrong with the questionnaire for it."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from vpnet.errors import InputError
from vpnet.questionnaires.answers import encode_answers
from vpnet.questionnaires.files import read_questionnaire
from vpnet.questionnaires.schema import Questionnaire
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.refusals import QUESTIONNAIRE_UNREADABLE

VIDEOS_SHOWN = 4

VIDEO_NOT_LISTED = Rule(
    "video_not_in_questionnaire",
    Severity.WARNING,
    "The questionnaire does not list this video",
    meaning="When the video was shown, and how the viewer felt in that session, are unknown: "
    "models that use answers see neither, nor does it tell the order of this person's videos.",
    remedy="correct the video's name in the questionnaire, or list the video there",
)


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
        findings.append(
            QUESTIONNAIRE_UNREADABLE.broken(
                "a participant must have one questionnaire, found also "
                f"{', '.join(map(str, files[1:]))}",
                file=files[0],
                remedy="keep one of them",
            )
        )
        return {}, {"has_questionnaire": 1.0}
    try:
        questionnaire = read_questionnaire(files[0])
    except InputError as error:
        findings.append(QUESTIONNAIRE_UNREADABLE.broken(str(error)))
        return {}, {"has_questionnaire": 1.0}
    if questionnaire.is_blank:
        return {}, {"has_questionnaire": 0.0, "questionnaire_is_blank": 1.0}
    viewing = questionnaire.viewing(video_id)
    if viewing is None and questionnaire.videos:
        found = _unlisted(video_id, questionnaire)
        findings.append(VIDEO_NOT_LISTED.broken(found, file=files[0]))
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
