import pytest

from vpnet.errors import InputError
from vpnet.quality.checks.whole_study import check_orders, check_study
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Severity


def viewing(user: int, video: int, **measurements: float) -> CheckedRecording:
    known = {"last_s": 60.0, "rows": 100.0, "fingerprint": 100.0 * user + video}
    source = f"P{user}/v{video}"
    return CheckedRecording(
        f"P{user}", f"v{video}", source, None, measurements=known | measurements
    )


@pytest.fixture
def study():
    """Four people who saw five videos, without fault."""
    return [viewing(user, video) for user in range(4) for video in range(5)]


def codes(found):
    return {index: [finding.code for finding in each] for index, each in found.recordings.items()}


def test_a_clean_study_is_silent(study):
    found = check_study(study)
    assert found.study == []
    assert found.recordings == {}


def test_nothing_is_said_of_no_recordings():
    assert check_study([]).study == []


def test_a_lacking_recording_is_found(study):
    found = check_study(study[:7] + study[8:])
    (finding,) = found.study
    assert finding.code == "recording_missing"
    assert "found 1 of 4 who do not: P1 lacks v2;" in finding.message


def test_a_long_list_of_lacking_recordings_is_cut():
    everybody = [viewing(user, video) for user in range(9) for video in range(9)]
    found = check_study([one for one in everybody if one.user_id < "P8" or one.video_id < "v2"])
    assert "P8 lacks v2, v3, v4, v5, v6, v7 and 1 more" in found.study[0].message


def test_videos_that_few_saw_are_not_lacking(study):
    assert check_study([*study, viewing(0, 9)]).study == []


def test_both_of_two_duplicates_are_found(study):
    found = check_study([*study, viewing(1, 2, fingerprint=-1.0)])
    assert codes(found) == {7: ["duplicate_recording"], 20: ["duplicate_recording"]}
    assert found.recordings[7][0].accepted is None


def test_recordings_without_names_are_no_duplicates():
    unnamed = [CheckedRecording("", "", source, None) for source in ("a", "b")]
    assert check_study(unnamed).recordings == {}


def test_copies_are_found(study):
    found = check_study([*study[:-1], viewing(3, 4, fingerprint=100.0)])
    assert codes(found) == {5: ["copied_recording"], 19: ["copied_recording"]}
    assert "P3/v4" in found.recordings[5][0].message


def test_equal_prints_of_other_lengths_are_no_copies(study):
    assert check_study([*study[:-1], viewing(3, 4, fingerprint=100.0, rows=7.0)]).recordings == {}


def test_a_missing_questionnaire_is_found_where_others_have_one():
    people = [viewing(user, 0, has_questionnaire=float(user != 2)) for user in range(4)]
    assert codes(check_study(people)) == {2: ["questionnaire_missing"]}
    nobody = [viewing(user, 0, has_questionnaire=0.0) for user in range(4)]
    assert check_study(nobody).recordings == {}


def test_a_blank_questionnaire_is_found_where_others_answered():
    blank = {"has_questionnaire": 0.0, "questionnaire_is_blank": 1.0}
    people = [viewing(0, 0, has_questionnaire=1.0), viewing(1, 0, **blank)]
    found = check_study(people)
    assert codes(found) == {1: ["questionnaire_missing"]}
    assert "found one in which nothing is answered" in found.recordings[1][0].found
    assert check_study([viewing(0, 0, **blank), viewing(1, 0, has_questionnaire=0.0)]) == (
        check_study([])
    )


def test_an_early_end_is_found_against_the_video(study):
    found = check_study(study, {"v0": 60.0, "v1": 63.0, "v2": 61.0, "v3": 1.0, "v4": 60.0})
    assert found.study == []
    assert codes(found) == {index: ["ends_early"] for index in (1, 6, 11, 16)}
    assert "the video lasts 63.0 s, found the last sample at 60.0 s" in found.recordings[1][0].found


def test_an_early_end_is_found_against_the_others(study):
    found = check_study([*study[:-1], viewing(3, 4, last_s=50.0)])
    assert codes(found) == {19: ["ends_early"]}


def test_a_single_longer_recording_makes_no_other_early(study):
    assert check_study([*study[:-1], viewing(3, 4, last_s=90.0)]).recordings == {}


def test_of_two_recordings_the_longer_counts():
    assert codes(check_study([viewing(0, 0), viewing(1, 0, last_s=40.0)])) == {1: ["ends_early"]}


def test_durations_that_are_not_those_of_the_videos_are_found(study):
    durations_s = {f"v{number}": 60.0 for number in range(5)}
    (extra,) = check_study(study, durations_s | {"v8": 9.0}).study
    assert (extra.code, extra.severity) == ("video_duration_unknown", Severity.NOTE)
    assert "no recording of v8" in extra.found
    del durations_s["v3"], durations_s["v4"]
    (lacking,) = check_study(study, durations_s | {"V3": 60.0}).study
    assert (lacking.code, lacking.severity) == ("video_duration_unknown", Severity.WARNING)
    assert "found no duration of v3, v4 and no recording of V3" in lacking.found


def test_durations_of_none_of_the_videos_are_refused(study):
    with pytest.raises(InputError, match=r"found V1, a\.b for v0, v1, v2, v3, v4; correct"):
        check_study(study, {"a.b": 60.0, "V1": 60.0})
    unnamed = [CheckedRecording("", "", source, None) for source in ("a", "b")]
    assert check_study(unnamed, {"v1": 60.0}).study == []


def person(name, order, *, session_of=None, clock=False, positions=True):
    """A person's recordings, in alphabetical order as files are."""
    viewings = []
    for video in sorted(order):
        measurements = {}
        if positions:
            measurements["position"] = float(order.index(video) + 1)
        if session_of is not None:
            measurements["session"] = float(session_of[video])
        started = f"2025-01-01T10:{order.index(video):02d}:00" if clock else ""
        viewings.append(
            CheckedRecording(
                name, video, f"{name}/{video}", None, measurements=measurements, started_at=started
            )
        )
    return viewings


def order_codes(*people):
    return [finding.code for finding in check_orders(sum(people, []))]


@pytest.mark.parametrize("known", [{}, {"clock": True, "positions": False}], ids=["asked", "clock"])
def test_one_order_for_all_is_found(known):
    same = [person(name, "bdac", **known) for name in ("P1", "P2", "P3")]
    assert order_codes(*same) == ["order_same_for_all"]
    assert (
        "found one order of 4 videos for all 3: b, d, a, c" in check_orders(sum(same, []))[0].found
    )
    assert order_codes(*same, person("P4", "abcd", **known)) == []


def test_orders_are_compared_on_the_videos_that_all_saw():
    assert order_codes(person("P1", "bdac"), person("P2", "bxda"), person("P3", "bdya")) == [
        "order_same_for_all"
    ]


def test_two_people_or_two_videos_make_no_order():
    assert order_codes(person("P1", "abc"), person("P2", "abc")) == []
    assert order_codes(*(person(name, "ab") for name in ("P1", "P2", "P3"))) == []


def test_of_people_whose_order_is_unknown_nothing_is_said():
    unknown = person("P3", "cba", positions=False)
    assert order_codes(person("P1", "abc"), person("P2", "abc"), unknown) == []
    assert order_codes(*(person(name, "abc") for name in ("P1", "P2", "P4")), unknown) == [
        "order_same_for_all"
    ]


def test_one_place_for_two_videos_is_no_order():
    confused = person("P3", "abc")
    for one in confused:
        one.measurements["position"] = 1.0
    assert order_codes(person("P1", "abc"), person("P2", "abc"), confused) == []


def test_positions_count_on_through_the_sessions():
    """Whatever the sessions, an order is that of the places among all videos of the study."""
    first, second = {"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 2, "c": 2}
    people = [person("P1", "abc", session_of=first), person("P2", "abc", session_of=second)]
    assert order_codes(*people, person("P3", "abc")) == ["order_same_for_all"]
    third = {"c": 1, "a": 2, "b": 2}
    assert order_codes(*people, person("P3", "cab", session_of=third)) == []


def test_one_assignment_to_sessions_is_found():
    sessions = {"a": 1, "b": 1, "c": 2, "d": 2}
    orders = {"P1": "abcd", "P2": "badc", "P3": "bacd"}
    people = [person(name, order, session_of=sessions) for name, order in orders.items()]
    assert order_codes(*people) == ["sessions_same_for_all"]
    swapped = {"a": 1, "b": 2, "c": 1, "d": 2}
    assert order_codes(*people, person("P4", "acbd", session_of=swapped)) == []


def test_a_single_session_is_no_assignment():
    sessions = dict.fromkeys("abc", 1)
    orders = {"P1": "abc", "P2": "bac", "P3": "cba"}
    assert (
        order_codes(*(person(name, one, session_of=sessions) for name, one in orders.items())) == []
    )
