import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.questionnaires.questions import Choice, Scale, Several, Whole

AGE = Whole(10, 90, "Age?")
OFTEN = Scale(("never", "at_times", "always"), "How often?")
EYE = Choice(("left", "right"), "Which eye?")
LIKES = Several(("music", "film", "art"), "What?")


@pytest.mark.parametrize("answer", [31, 31.0, "31", " 31 ", "31.0", "31.", "+31", "31.000"])
def test_a_number_is_understood_however_a_spreadsheet_writes_it(answer):
    understood = AGE.understand(answer)
    assert understood == 31
    assert type(understood) is int


@pytest.mark.parametrize(
    "answer",
    [
        *(9, 91, 31.5, True, math.nan, math.inf, 10**400),
        *("31,0", "31.5", "1e1", "3_1", "thirty", "0x1F", "٣١", "31 years", [31], {}),
    ],
)
def test_a_number_that_could_mean_something_else_is_refused(answer):
    with pytest.raises(ValueError, match="must be a whole number from 10 to 90, found"):
        AGE.understand(answer)


@settings(deadline=None, max_examples=50)
@given(st.integers(10, 90))
def test_a_number_is_scaled_to_its_range(answer):
    (encoded,) = AGE.encode(answer)
    assert 10 + 80 * encoded == pytest.approx(answer)
    assert 0 <= encoded <= 1


@pytest.mark.parametrize("question", [AGE, OFTEN, EYE, LIKES])
@pytest.mark.parametrize("answer", [None, "", "  "])
def test_nothing_is_no_answer(question, answer):
    assert question.understand(answer) is None


@pytest.mark.parametrize("answer", ["at_times", "At times", " AT-TIMES ", "at  times"])
def test_words_are_understood_in_any_spelling(answer):
    assert OFTEN.understand(answer) == "at_times"


@pytest.mark.parametrize("question", [OFTEN, EYE])
@pytest.mark.parametrize("answer", ["sometimes", "lef", 1, 0.5, True, ["left"]])
def test_other_words_are_refused(question, answer):
    with pytest.raises(ValueError, match=f"must be one of {', '.join(question.words)}, found"):
        question.understand(answer)


def test_words_in_order_are_equally_spaced():
    assert [OFTEN.encode(word) for word in OFTEN.words] == [(0.0,), (0.5,), (1.0,)]
    assert OFTEN.features("x") == ("x",)


def test_words_without_order_become_a_number_each():
    assert EYE.features("eye") == ("eye=left", "eye=right")
    assert EYE.encode("right") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("answer", "understood"),
    [
        ("film; Music", ("music", "film")),
        ("film,music,", ("music", "film")),
        (["film", "film"], ("film",)),
        ("none", ()),
        ([], ()),
    ],
)
def test_several_words_in_one_cell_or_a_list(answer, understood):
    assert LIKES.understand(answer) == understood


@pytest.mark.parametrize("answer", ["film; opera", "film music", ";", "none; film", 3, [3]])
def test_several_words_of_which_one_is_unknown_are_refused(answer):
    with pytest.raises(ValueError, match="must be any of music, film, art .* found"):
        LIKES.understand(answer)


def test_none_of_several_is_an_answer():
    assert LIKES.encode(()) == (0.0, 0.0, 0.0)
    assert LIKES.encode(("art", "music")) == (1.0, 0.0, 1.0)
