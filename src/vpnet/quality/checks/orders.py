"""Checks of a study's design: whether the order of videos can be told from the videos themselves.

Where everybody saw the same order, what is due to a video and what is due to its place (novelty,
boredom, fatigue) cannot be separated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding, Rule, Severity

LEAST_PEOPLE = 3
LEAST_VIDEOS = 3
"""With fewer, an order is often the same by chance: two people share one of two orders, or not."""

VIDEOS_SHOWN = 4

ORDER_SAME_FOR_ALL = Rule(
    "order_same_for_all",
    Severity.WARNING,
    "Everybody saw the videos in the same order",
    meaning="How people look changes as a session goes on. Here the change belongs to each video's "
    "place, so effects of order cannot be told from effects of the video.",
    remedy="shuffle the videos for each participant (a Latin square); say so where results on "
    "these recordings are reported",
)
SESSIONS_SAME_FOR_ALL = Rule(
    "sessions_same_for_all",
    Severity.WARNING,
    "Everybody saw the same videos in the same session",
    meaning="Sessions differ (practice, mood, fit of the headset). Here each difference belongs to "
    "one set of videos, so effects of the session cannot be told from effects of the video.",
    remedy="assign videos to sessions anew for each participant; say so where results on these "
    "recordings are reported",
)
RULES = (ORDER_SAME_FOR_ALL, SESSIONS_SAME_FOR_ALL)


@dataclass(frozen=True)
class _Viewing:
    """When one person saw one video; parts of it that are not known are None or empty.

    Args:
        session: Number of the session.
        position: Place among all videos of the study, 1 the first.
        started_at: When the recording began.
    """

    session: float | None
    position: float | None
    started_at: str


def check_orders(checked: Sequence[CheckedRecording]) -> list[Finding]:
    """Whether order and sessions are the same for all people.

    A person's order is that of the questionnaires' positions, else that of the times at which the
    recordings began; of a person for whom neither is known throughout, nothing is said.

    Args:
        checked: All recordings of the study.
    """
    people: dict[str, dict[str, _Viewing]] = {}
    for one in checked:
        if one.user_id and one.video_id:
            viewing = _Viewing(
                one.measurements.get("session"), one.measurements.get("position"), one.started_at
            )
            people.setdefault(one.user_id, {}).setdefault(one.video_id, viewing)
    return [*_check_order(people), *_check_sessions(people)]


def _check_order(people: Mapping[str, Mapping[str, _Viewing]]) -> list[Finding]:
    orders = [order for viewings in people.values() if (order := _order(viewings))]
    shared = set.intersection(*map(set, orders)) if orders else set()
    if len(orders) < LEAST_PEOPLE or len(shared) < LEAST_VIDEOS:
        return []
    on_shared = {tuple(video for video in order if video in shared) for order in orders}
    if len(on_shared) > 1:
        return []
    (order,) = on_shared
    shown = ", ".join(order[:VIDEOS_SHOWN]) + (", ..." if len(order) > VIDEOS_SHOWN else "")
    return [
        ORDER_SAME_FOR_ALL.broken(
            f"the order of videos must differ between people, found one order of {len(order)} "
            f"videos for all {len(orders)}: {shown}"
        )
    ]


def _check_sessions(people: Mapping[str, Mapping[str, _Viewing]]) -> list[Finding]:
    assignments = [
        {video: viewing.session for video, viewing in viewings.items()}
        for viewings in people.values()
        if all(viewing.session is not None for viewing in viewings.values())
    ]
    shared = set.intersection(*map(set, assignments)) if assignments else set()
    if len(assignments) < LEAST_PEOPLE or len(shared) < LEAST_VIDEOS:
        return []
    on_shared = {tuple(one[video] for video in sorted(shared)) for one in assignments}
    if len(on_shared) > 1:
        return []
    (sessions,) = on_shared
    if len(set(sessions)) < 2:
        return []
    return [
        SESSIONS_SAME_FOR_ALL.broken(
            f"the videos of a session must differ between people, found {len(shared)} videos in "
            f"the same of {len(set(sessions))} sessions for all {len(assignments)}"
        )
    ]


def _order(viewings: Mapping[str, _Viewing]) -> list[str]:
    """A person's videos in the order of viewing; empty where it is not known."""
    places: dict[str, Any] = {
        video: viewing.position
        for video, viewing in viewings.items()
        if viewing.position is not None
    }
    if len(places) < len(viewings):
        places = {
            video: viewing.started_at for video, viewing in viewings.items() if viewing.started_at
        }
    if len(places) < len(viewings) or len(set(places.values())) < len(places):
        return []
    return sorted(places, key=lambda video: places[video])
