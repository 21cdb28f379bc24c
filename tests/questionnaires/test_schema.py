import pytest
from pydantic import ValidationError

from vpnet.questionnaires.questions import (
    SECTIONS,
    Questionnaire,
    Viewing,
    write_codebook,
)


def viewings(*shown: tuple[str, int | None, int | None]) -> Questionnaire:
    return Questionnaire(
        videos=tuple(
            Viewing(video=video, session=session, position=position)
            for video, session, position in shown
        )
    )


@pytest.mark.parametrize("section", SECTIONS.values())
def test_every_field_but_a_videos_name_is_a_question_with_a_text(section):
    assert set(section.model_fields) - {"video"} == set(section.questions())
    for question in section.questions().values():
        assert question.text.endswith((".", "?"))


def test_a_blank_one_lists_videos_and_sessions_and_answers_nothing():
    blank = Questionnaire.blank(["b", "a"], sessions=2)
    assert [one.video for one in blank.videos] == ["b", "a"]
    assert [one.session for one in blank.sessions] == [1, 2]
    answers = {**blank.pre.model_dump(), **blank.post.model_dump()}
    assert set(answers.values()) == {None}
    assert blank.is_blank


@pytest.mark.parametrize(
    ("answers", "is_blank"),
    [
        ({}, True),
        ({"post": {"comfort": 3}}, True),
        ({"pre": {"age": 30}}, False),
        ({"pre": {"interests": []}}, False),
        ({"sessions": [{"session": 1}, {"session": 2, "mood": 1}]}, False),
        ({"videos": [{"video": "a", "session": 1}]}, False),
    ],
)
def test_names_alone_answer_nothing(answers, is_blank):
    assert Questionnaire.model_validate(answers).is_blank == is_blank


def test_sections_that_say_nothing_may_be_absent_or_null():
    nothing = dict.fromkeys(("pre", "sessions", "videos", "post"))
    assert Questionnaire.model_validate(nothing) == Questionnaire.model_validate({})


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"sessions": [{"session": 1}, {"session": "1.0"}]}, "session must be listed once"),
        ({"videos": [{"video": "a"}, {"video": " a"}]}, "video must be listed once"),
        ({"videos": [{"video": " "}]}, "must have a name"),
        (
            {
                "videos": [
                    {"video": "a", "session": 2, "position": 1},
                    {"video": "b", "session": 2, "position": 1},
                ]
            },
            "found a and b both at position 1 of session 2",
        ),
    ],
)
def test_what_cannot_be_is_refused(answers, message):
    with pytest.raises(ValidationError, match=message):
        Questionnaire.model_validate(answers)


def test_positions_count_on_through_the_sessions():
    study = viewings(("a", 2, 1), ("b", 1, 2), ("c", 1, 1), ("d", 2, 2), ("e", 3, 1))
    assert [study.overall_position(name) for name in "cbade"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([("a", None, 4)], 4),
        ([("a", 1, None)], None),
        ([("a", None, 1), ("b", 1, 1)], None),
        ([("a", 2, 1), ("b", 1, 7)], 8),
        ([("a", 2, 1), ("b", 1, None), ("c", 1, None)], 3),
        ([("b", 1, 1)], None),
    ],
    ids=[
        "one session",
        "no position",
        "no session though others have",
        "gaps",
        "counted",
        "not listed",
    ],
)
def test_positions_that_are_known_in_part(shown, expected):
    assert viewings(*shown).overall_position("a") == expected


def test_the_codebook_explains_every_section_and_question():
    page = write_codebook()
    for key in Questionnaire.model_fields:
        assert f"## {key} " in page
    for section in SECTIONS.values():
        for name, question in section.questions().items():
            assert f"| {name} | {question.text} | {question.allowed} |" in page
