"""Recordings of a study with questionnaires."""

import json
from collections.abc import Callable

import pytest

from vpnet.quality.checks.whole_study import check_study
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.questionnaires.questionnaire_files import write_questionnaire
from vpnet.questionnaires.questions import Questionnaire
from vpnet.recordings.checked import CheckedRecording
from vpnet.studies.study import StudyOptions


@pytest.fixture
def check_with(quest_pro_tables, write_quest_pro) -> Callable[..., CheckedRecording]:
    """Function that checks P1/video_01 with questionnaires of these names and contents."""
    folder = write_quest_pro(quest_pro_tables)

    def check(**contents: str) -> CheckedRecording:
        for ending, content in contents.items():
            (folder.parent / f"questionnaire.{ending}").write_text(content)
        (checked,) = read_quest_pro(folder.parents[1], study=StudyOptions(cache=False)).checked()
        return checked

    return check


def warnings(checked):
    return [one for one in checked.findings if one.code == "video_not_in_questionnaire"]


def listing(*videos: str) -> str:
    """A questionnaire that says of each video when it was shown."""
    shown = [
        {"video": video, "session": 1, "position": place}
        for place, video in enumerate(videos, start=1)
    ]
    return json.dumps({"pre": {"age": 30}, "videos": shown})


def test_a_misspelt_video_is_told_with_the_nearest_name(check_with):
    checked = check_with(json=listing("garden", "Video_01", "Video_02"))
    (finding,) = warnings(checked)
    assert "video_01 must be listed" in finding.found
    assert "found 3 others, the nearest is Video_01" in finding.found
    assert finding.file.endswith("questionnaire.json")
    assert checked.recording.answers == {"age": 0.25}
    assert "position" not in checked.measurements


def test_a_video_that_is_like_no_other_is_told_too(check_with):
    (finding,) = warnings(check_with(json=listing("garden", "sea")))
    assert "found garden, sea" in finding.found


@pytest.mark.parametrize("content", [listing("video_01", "Video_01"), '{"pre": {"age": 30}}'])
def test_a_listed_video_or_no_list_is_no_misspelling(check_with, content):
    checked = check_with(json=content)
    assert not warnings(checked)
    assert checked.measurements["has_questionnaire"] == 1.0


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_blank_form_is_no_questionnaire(form, check_with, tmp_path):
    blank = tmp_path / f"blank.{form}"
    write_questionnaire(blank, Questionnaire.blank(["video_01"], sessions=2))
    checked = check_with(**{form: blank.read_text()})
    assert checked.measurements["has_questionnaire"] == 0.0
    other = CheckedRecording("P2", "video_01", "P2", None, measurements={"has_questionnaire": 1.0})
    (finding,) = (
        one
        for one in check_study([checked, other]).recordings[0]
        if one.code == "questionnaire_missing"
    )
    assert "found one in which nothing is answered" in finding.found


def test_two_questionnaires_of_one_participant_refuse_only_theirs(check_with):
    checked = check_with(json="{}", csv="section,session,video,question,answer\n")
    (finding,) = (one for one in checked.findings if one.code == "questionnaire_unreadable")
    assert "must have one questionnaire, found also" in finding.message
    assert checked.recording is not None
    assert not checked.recording.answers


@pytest.mark.parametrize(
    "content",
    [
        {"csv": '"section"x,session,video,question,answer\npre,,,age,3\n'},
        {"json": '{"pre": ' + 100_000 * "[" + 100_000 * "]" + "}"},
        {"json": '{"pre": {"age": ' + 5000 * "1" + "}}"},
    ],
    ids=["header", "nesting", "digits"],
)
def test_what_no_parser_reads_is_a_finding(check_with, content):
    checked = check_with(**content)
    (finding,) = (one for one in checked.findings if one.code == "questionnaire_unreadable")
    assert "questionnaire." in finding.message
