from pathlib import Path

import pytest

from vpnet.errors import InputError
from vpnet.questionnaires.schema import Questionnaire
from vpnet.questionnaires.table import read_table, write_table

FILE = Path("study/questionnaire.csv")
HEADER = "section,session,video,question,answer\n"


def test_lines_find_their_place_in_the_nested_form():
    table = read_table(
        HEADER
        + "pre,,,age,31\n\nsession,2,,mood,4\nvideo,,a b,interest,\nsession,2,,alertness,1\n,,,,\n",
        FILE,
    )
    assert table.answers == {
        "pre": {"age": "31"},
        "sessions": [{"session": "2", "mood": "4", "alertness": "1"}],
        "videos": [{"video": "a b", "interest": ""}],
        "post": {},
    }
    assert table.lines[("pre", "age")] == 2
    assert table.lines[("sessions", 0, "alertness")] == 6


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_spreadsheets_make_of_a_table(delimiter, line_end):
    lines = [
        '"Answer", Question ,VIDEO,session,section,allowed,,',
        'music,interests,,,Pre,"one; two, three",,',
        '"x",Gender,,,pre,,,',
    ]
    text = line_end.join(lines).replace(",", delimiter).replace('"one; two', '"one')
    assert read_table(text, FILE).answers["pre"] == {"interests": "music", "gender": "x"}


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
