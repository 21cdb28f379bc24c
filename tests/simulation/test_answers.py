import pytest

from vpnet.questionnaires.questionnaire_files import questionnaire_files, read_questionnaire
from vpnet.questionnaires.questions import BeforeStudy, Choice, Scale
from vpnet.simulation.answers import (
    INTEREST_OF_CATEGORY,
    draw_questionnaire,
    write_questionnaires,
)
from vpnet.simulation.simulated_study import draw_study
from vpnet.simulation.viewers_and_videos import CATEGORIES

SEED = 4


@pytest.fixture(scope="module")
def viewers_and_videos():
    return draw_study(users=60, videos=6, duration_s=5.0, seed=SEED)


def drawn(viewers, videos, **options):
    return [
        draw_questionnaire(viewer, number, videos, SEED, **options)
        for number, viewer in enumerate(viewers)
    ]


def orders(questionnaires):
    return {
        tuple(sorted((one.video for one in q.videos), key=q.overall_position))
        for q in questionnaires
    }


def sessions(questionnaires):
    return {frozenset(one.video for one in q.videos if one.session == 1) for q in questionnaires}


def test_most_questions_are_answered_and_some_are_not(viewers_and_videos):
    answers = [
        answer
        for questionnaire in drawn(*viewers_and_videos)
        for answer in questionnaire.pre.model_dump().values()
    ]
    silent = sum(answer is None for answer in answers) / len(answers)
    assert 0.01 < silent < 0.1


def test_every_answer_is_given_by_somebody(viewers_and_videos):
    given = [questionnaire.pre.model_dump() for questionnaire in drawn(*viewers_and_videos)]
    for name in ("gender", "vr_experience", "vision_correction", "dominant_eye", "motion_sickness"):
        words = {answers[name] for answers in given} - {None}
        question = BeforeStudy.questions()[name]
        assert isinstance(question, Choice | Scale)
        assert words == set(question.words)


def test_viewers_name_what_they_prefer(viewers_and_videos):
    viewers, _ = viewers_and_videos
    assert set(INTEREST_OF_CATEGORY) == set(CATEGORIES)
    for viewer, questionnaire in zip(viewers, drawn(*viewers_and_videos), strict=True):
        interests = questionnaire.pre.interests
        assert interests is None or INTEREST_OF_CATEGORY[viewer.preferred_category] in interests


def test_everybody_sees_every_video_once_over_two_sessions(viewers_and_videos):
    for questionnaire in drawn(*viewers_and_videos):
        places = sorted((one.session, one.position) for one in questionnaire.videos)
        assert places == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]


@pytest.mark.parametrize(("users", "videos"), [(2, 2), (3, 3), (3, 4), (5, 5), (60, 6)])
def test_order_and_sessions_differ_even_in_a_small_study(users, videos):
    for seed in range(20):
        viewers, shown = draw_study(users, videos, 5.0, seed)
        questionnaires = [
            draw_questionnaire(viewer, number, shown, seed) for number, viewer in enumerate(viewers)
        ]
        assert len(orders(questionnaires)) > 1
        assert len(sessions(questionnaires)) > 1


def test_order_or_sessions_can_be_the_same_for_all(viewers_and_videos):
    same_order = drawn(*viewers_and_videos, defects={"order_same_for_all"})
    assert len(orders(same_order)) == len(sessions(same_order)) == 1
    same_sessions = drawn(*viewers_and_videos, defects={"sessions_same_for_all"})
    assert len(sessions(same_sessions)) == 1
    assert len(orders(same_sessions)) > 10


@pytest.mark.parametrize("layout", ["v1", "v2"])
def test_files_say_what_is_known_in_memory(layout, viewers_and_videos, tmp_path):
    viewers, videos = viewers_and_videos
    viewers = viewers[:3]
    written = write_questionnaires(
        tmp_path, viewers, videos, SEED, defects={"questionnaire_missing"}, layout=layout
    )
    assert questionnaire_files(tmp_path, viewers[2].user_id) == ()
    for number in (0, 1):
        (path,) = questionnaire_files(tmp_path, viewers[number].user_id)
        assert path in written
        assert (path.parent == tmp_path) == (layout == "v1")
        in_memory = draw_questionnaire(viewers[number], number, videos, SEED)
        assert read_questionnaire(path) == in_memory


def test_more_viewers_leave_the_others_as_they_are():
    few, many = (draw_study(users, 4, 5.0, SEED) for users in (2, 5))
    assert drawn(*few) == drawn(*many)[:2]
