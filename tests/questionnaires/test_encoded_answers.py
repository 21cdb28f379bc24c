import pytest

from vpnet.questionnaires.encoded_answers import encode_answers
from vpnet.questionnaires.questions import SECTIONS, Questionnaire
from vpnet.recordings.recording import ANSWERS

FULL = Questionnaire.model_validate(
    {
        "pre": {
            "age": 30,
            "gender": "male",
            "vr_experience": "weekly",
            "vision_correction": "glasses",
            "dominant_eye": "left",
            "interests": ["music"],
            "motion_sickness": "sometimes",
        },
        "sessions": [
            {"session": 1, "alertness": 1, "mood": 2},
            {"session": 2, "alertness": 5, "mood": 3},
        ],
        "videos": [
            {"video": "a", "session": 2, "position": 1, "interest": 4, "familiarity": 5},
            {"video": "b", "session": 1, "position": 50},
        ],
        "post": {"comfort": 5, "sickness": 1, "eye_strain": 3},
    }
)


def test_all_answers_in_the_order_of_the_vector():
    encoded = encode_answers(FULL, "a")
    assert tuple(encoded) == ANSWERS
    assert all(0 <= number <= 1 for number in encoded.values())
    assert encoded["age"] == pytest.approx(0.25)
    assert encoded["vr_experience"] == 1.0
    assert encoded["motion_sickness"] == 0.5
    assert [name for name, one in encoded.items() if "=" in name and one == 1] == [
        "gender=male",
        "vision_correction=glasses",
        "dominant_eye=left",
        "interests=music",
    ]


def test_a_videos_session_decides_its_answers():
    a, b = encode_answers(FULL, "a"), encode_answers(FULL, "b")
    assert (a["alertness"], a["mood"], a["position"]) == (1.0, 0.5, 0.0)
    assert (b["alertness"], b["mood"], b["position"]) == (0.0, 0.25, 1.0)
    assert 0 == b["session"] < a["session"] < 1


def test_what_is_not_answered_is_absent():
    assert encode_answers(Questionnaire(), "a") == {}
    of_another = encode_answers(FULL, "c")
    assert {"session", "position", "alertness", "mood"}.isdisjoint(of_another)
    assert "age" in of_another


def test_answers_from_afterwards_are_kept_apart():
    """They tell how the video was watched, which is what a model is to predict."""
    every = [
        feature
        for section in SECTIONS.values()
        for name, question in section.questions().items()
        for feature in question.features(name)
    ]
    afterwards = {"comfort", "sickness", "eye_strain", "interest", "familiarity"}
    assert set(every) - set(ANSWERS) == afterwards
    assert set(ANSWERS) <= set(every)
    assert len(set(ANSWERS)) == len(ANSWERS)
