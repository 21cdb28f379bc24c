import json
from pathlib import Path

import pytest

from vpnet.errors import InputError
from vpnet.questionnaires.questionnaire_files import (
    FORMATS,
    questionnaire_files,
    questionnaire_path,
    read_questionnaire,
    read_table,
    write_questionnaire,
    write_table,
)
from vpnet.questionnaires.questions import Questionnaire

FILE = Path("study/questionnaire.csv")
HEADER = "section,session,video,question,answer\n"
ANSWERED = Questionnaire.model_validate(
    {
        "pre": {"age": 50, "interests": [], "dominant_eye": "right"},
        "sessions": [{"session": 1}, {"session": 2, "alertness": 5}],
        "videos": [
            {"video": 'Ä "b", c;d', "session": 2, "position": 3, "interest": 1},
            {"video": "a", "session": 1, "position": 1},
        ],
        "post": {"comfort": 2},
    }
)


@pytest.fixture(params=FORMATS)
def answered(request, tmp_path):
    """A questionnaire in either format."""
    path = tmp_path / f"questionnaire.{request.param}"
    write_questionnaire(path, ANSWERED)
    return path


def test_both_formats_say_the_same(answered):
    assert read_questionnaire(answered) == ANSWERED


def test_a_byte_order_mark_is_passed_over(answered):
    answered.write_bytes(b"\xef\xbb\xbf" + answered.read_bytes())
    assert read_questionnaire(answered) == ANSWERED


def test_another_encoding_is_refused(answered):
    answered.write_bytes(answered.read_text().encode("utf-16"))
    with pytest.raises(InputError, match="must be UTF-8 text, found byte 0xff; save it as UTF-8"):
        read_questionnaire(answered)


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"q\.json: the questionnaire cannot be read \(No such"):
        read_questionnaire(tmp_path / "q.json")
    (tmp_path / "q.xlsx").touch()
    with pytest.raises(InputError, match=r"is a \.json or a \.csv file, found '\.xlsx'"):
        read_questionnaire(tmp_path / "q.xlsx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"pre": {}', ", line 1: .* must be JSON"),
        ("[]", ": .* must be an object with the keys pre, sessions, videos, post, found list"),
        ('{"pre": {"age": 20, "age": 30}}', ": .* answered once, found 'age' twice"),
        ('{"pre": {"age": 200}}', ", pre.age: .* from 10 to 90, found 200"),
        ('{"pre": {"gendr": "male"}}', ", pre.gendr: .* allowed are age, .* did you mean gender"),
        ('{"prae": {}}', r", prae: .* allowed are pre, sessions, .* did you mean pre\?"),
        ('{"post": {"zzz": 1}}', ", post.zzz: .* comfort, sickness, eye_strain; correct or delete"),
        ('{"sessions": [{"mood": 3}]}', ", sessions.1.session: this must be given"),
        ('{"sessions": [{"session": null}]}', ", sessions.1.session: this must be given"),
        ('{"videos": [{"video": 3}]}', ", videos.1.video: .* valid string, found 3"),
        ('{"pre": 3}', ", pre: .* found 3"),
        ('{"videos": [{"video": "a"}, {"video": "a"}]}', ": each video must be listed once"),
    ],
)
def test_what_is_not_declared_is_refused(text, message, tmp_path):
    path = tmp_path / "questionnaire.json"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^{path}{message}") as refused:
        read_questionnaire(path)
    assert "pydantic" not in str(refused.value)


def test_a_wrong_answer_in_a_table_is_told_with_its_line(tmp_path):
    path = tmp_path / "questionnaire.csv"
    path.write_text("section;session;video;question;answer\n\npre;;;gender;m\npost;;;comfort;3,5\n")
    with pytest.raises(InputError) as refused:
        read_questionnaire(path)
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"{path}, line 3, pre.gender: the answer must be one of female, male,")
    assert second.startswith(f"{path}, line 4, post.comfort: ")
    assert "found '3,5'" in second


def test_of_many_complaints_the_first_are_told(tmp_path):
    path = tmp_path / "questionnaire.json"
    path.write_text(json.dumps({"pre": {f"q{number}": 1 for number in range(9)}}))
    with pytest.raises(InputError) as refused:
        read_questionnaire(path)
    lines = str(refused.value).splitlines()
    assert len(lines) == 6
    assert lines[-1] == "and 4 more"


@pytest.mark.parametrize("form", FORMATS)
def test_where_questionnaires_lie(form, tmp_path):
    assert questionnaire_files(tmp_path, "P1") == ()
    flat = questionnaire_path(tmp_path, "P1", form)
    assert flat == tmp_path / f"questionnaire_P1.{form}"
    (tmp_path / "P2").mkdir()
    inside = questionnaire_path(tmp_path, "P2", form)
    assert inside == tmp_path / "P2" / f"questionnaire.{form}"
    for path in (flat, inside):
        write_questionnaire(path, ANSWERED)
    assert questionnaire_files(tmp_path, "P1") == (flat,)
    assert questionnaire_files(tmp_path, "P2") == (inside,)


def test_two_questionnaires_of_one_participant_are_both_found(tmp_path):
    paths = tuple(tmp_path / f"questionnaire_P1.{form}" for form in FORMATS)
    for path in paths:
        write_questionnaire(path, ANSWERED)
    assert questionnaire_files(tmp_path, "P1") == paths


def test_lines_find_their_place_in_the_nested_form():
    answers, lines = read_table(
        HEADER
        + "pre,,,age,31\n\nsession,2,,mood,4\nvideo,,a b,interest,\nsession,2,,alertness,1\n,,,,\n",
        FILE,
    )
    assert answers == {
        "pre": {"age": "31"},
        "sessions": [{"session": "2", "mood": "4", "alertness": "1"}],
        "videos": [{"video": "a b", "interest": ""}],
        "post": {},
    }
    assert lines[("pre", "age")] == 2
    assert lines[("sessions", 0, "alertness")] == 6


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_spreadsheets_make_of_a_table(delimiter, line_end):
    lines = [
        '"Answer", Question ,VIDEO,session,section,allowed,,',
        'music,interests,,,Pre,"one; two, three",,',
        '"x",Gender,,,pre,,,',
    ]
    text = line_end.join(lines).replace(",", delimiter).replace('"one; two', '"one')
    assert read_table(text, FILE)[0]["pre"] == {"interests": "music", "gender": "x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: .* must have the columns section, .* found nothing"),
        ("section,session,video,question\n", "line 1: .* must have the columns"),
        (HEADER.replace("answer", "answer,answer"), "line 1: .* each once"),
        (HEADER.replace("answer", "answer,notes"), "line 1: .* found .*notes"),
        (HEADER + "before,,,age,3\n", "line 2: section must be one of .* found 'before'"),
        (HEADER + "pre,,,age,3\npre,,,shoes,3\n", "line 3: .* found 'shoes'"),
        (HEADER + "session,1,,session,1\n", "line 2: .* alertness, mood, found 'session'"),
        (HEADER + "session,,,mood,3\n", "line 2: .* session must say which"),
        (HEADER + "video,,,interest,3\n", "line 2: .* video must say which"),
        (HEADER + "video,1,a,interest,3\n", "line 2: .*answer the question session"),
        (HEADER + "pre,,a,age,3\n", "line 2: .* video must be empty, found 'a'"),
        (HEADER + "pre,,,age,3\n\npre,,,Age,3\n", "line 4: .* already answered in line 2"),
        (HEADER + "pre,,,interests,art,film\n", "line 2: .* 5 cells, found 6"),
        (HEADER + 'pre,,,age,"3\n', "line 2: .* cannot be read as CSV"),
        ('"section"x,' + HEADER, "line 1: .* cannot be read as CSV"),
    ],
)
def test_what_is_no_questionnaire_is_refused(text, message):
    with pytest.raises(InputError, match=f"{FILE}, {message}"):
        read_table(text, FILE)


def test_a_blank_table_has_a_line_for_each_question_with_its_allowed_answers():
    lines = write_table(Questionnaire.blank(["a, b"], sessions=1)).splitlines()
    assert lines[0] == HEADER.strip() + ",allowed"
    assert "pre,,,age,,a whole number from 10 to 90" in lines
    assert "session,1,,mood,,a whole number from 1 to 5" in lines
    assert 'video,,"a, b",position,,a whole number from 1 to 50' in lines
    assert len(lines) == 1 + 7 + 2 + 4 + 3
