import pytest

from vpnet.quality.checks.orders import check_orders
from vpnet.recordings.checked import CheckedRecording


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


def codes(*people):
    return [finding.code for finding in check_orders(sum(people, []))]


@pytest.mark.parametrize("known", [{}, {"clock": True, "positions": False}], ids=["asked", "clock"])
def test_one_order_for_all_is_found(known):
    same = [person(name, "bdac", **known) for name in ("P1", "P2", "P3")]
    assert codes(*same) == ["order_same_for_all"]
    assert (
        "found one order of 4 videos for all 3: b, d, a, c" in check_orders(sum(same, []))[0].found
    )
    assert codes(*same, person("P4", "abcd", **known)) == []


def test_orders_are_compared_on_the_videos_that_all_saw():
    assert codes(person("P1", "bdac"), person("P2", "bxda"), person("P3", "bdya")) == [
        "order_same_for_all"
    ]


def test_two_people_or_two_videos_make_no_order():
    assert codes(person("P1", "abc"), person("P2", "abc")) == []
    assert codes(*(person(name, "ab") for name in ("P1", "P2", "P3"))) == []


def test_of_people_whose_order_is_unknown_nothing_is_said():
    unknown = person("P3", "cba", positions=False)
    assert codes(person("P1", "abc"), person("P2", "abc"), unknown) == []
    assert codes(*(person(name, "abc") for name in ("P1", "P2", "P4")), unknown) == [
        "order_same_for_all"
    ]


def test_one_place_for_two_videos_is_no_order():
    confused = person("P3", "abc")
    for one in confused:
        one.measurements["position"] = 1.0
    assert codes(person("P1", "abc"), person("P2", "abc"), confused) == []


def test_positions_count_on_through_the_sessions():
    """Whatever the sessions, an order is that of the places among all videos of the study."""
    first, second = {"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 2, "c": 2}
    people = [person("P1", "abc", session_of=first), person("P2", "abc", session_of=second)]
    assert codes(*people, person("P3", "abc")) == ["order_same_for_all"]
    third = {"c": 1, "a": 2, "b": 2}
    assert codes(*people, person("P3", "cab", session_of=third)) == []


def test_one_assignment_to_sessions_is_found():
    sessions = {"a": 1, "b": 1, "c": 2, "d": 2}
    orders = {"P1": "abcd", "P2": "badc", "P3": "bacd"}
    people = [person(name, order, session_of=sessions) for name, order in orders.items()]
    assert codes(*people) == ["sessions_same_for_all"]
    swapped = {"a": 1, "b": 2, "c": 1, "d": 2}
    assert codes(*people, person("P4", "acbd", session_of=swapped)) == []


def test_a_single_session_is_no_assignment():
    sessions = dict.fromkeys("abc", 1)
    orders = {"P1": "abc", "P2": "bac", "P3": "cba"}
    assert codes(*(person(name, one, session_of=sessions) for name, one in orders.items())) == []
