"""Checks that need all recordings of a study at once.

Where all participants saw the videos in one order, effects of a video and effects of its place
(novelty, boredom, fatigue) cannot be separated.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES, Finding, Severity

EARLY_S = 2.0
"""Players and loggers do not stop at the same moment; two seconds are more than that."""

MOST_SHARE = 0.5
"""Where fewer people saw a video than this share, it was not meant for everybody."""

NAMES_SHOWN = 6
OTHERS_SHOWN = 3

LEAST_PEOPLE = 3
LEAST_VIDEOS = 3
"""With fewer, an order is often the same by chance: two people share one of two orders, or not."""

VIDEOS_SHOWN = 4


@dataclass(frozen=True)
class StudyFindings:
    """What was found in a study.

    Args:
        study: What concerns the study as a whole.
        recordings: What concerns single recordings, by their place in the sequence that was
            checked; those without findings are absent.
    """

    study: list[Finding] = field(default_factory=list)
    recordings: dict[int, list[Finding]] = field(default_factory=dict)


def check_study(
    checked: Sequence[CheckedRecording], video_durations_s: Mapping[str, float] | None = None
) -> StudyFindings:
    """What is wrong with a study, or with recordings in comparison with the others.

    Args:
        checked: All recordings of the study; only their names, times and measurements are used.
        video_durations_s: How long each video lasts, by name, as far as known. A video without one
            is taken to last as long as its second longest recording: a single one that is longer
            may have an app that was closed late.

    Raises:
        InputError: Durations are given, but of none of the videos.
    """
    durations_s = video_durations_s or {}
    recordings: defaultdict[int, list[Finding]] = defaultdict(list)
    for index, finding in (
        *_duplicates(checked),
        *_copies(checked),
        *_without_questionnaire(checked),
        *_ending_early(checked, durations_s),
    ):
        recordings[index].append(finding)
    study = [
        *check_orders(checked),
        *_missing_recordings(checked),
        *_unknown_durations(checked, durations_s),
    ]
    return StudyFindings(study, dict(recordings))


def _duplicates(checked: Sequence[CheckedRecording]) -> list[tuple[int, Finding]]:
    """Recordings of one person and one video."""
    keys = [
        (one.user_id, one.video_id) if one.user_id and one.video_id else None for one in checked
    ]
    return [
        (
            index,
            RULES["duplicate_recording"].broken(
                f"{checked[index].name} must be recorded once, found {others} as well",
                file=checked[index].source,
            ),
        )
        for index, others in _others_alike(checked, keys)
    ]


def _copies(checked: Sequence[CheckedRecording]) -> list[tuple[int, Finding]]:
    """Recordings of the same movements."""
    keys = [
        None
        if "fingerprint" not in one.measurements
        else (one.measurements["fingerprint"], one.measurements.get("rows"))
        for one in checked
    ]
    return [
        (
            index,
            RULES["copied_recording"].broken(
                "no two recordings can be equal to the last digit, found the same movements in "
                + others,
                file=checked[index].source,
            ),
        )
        for index, others in _others_alike(checked, keys)
    ]


def _others_alike(
    checked: Sequence[CheckedRecording], keys: Sequence[object]
) -> Iterator[tuple[int, str]]:
    """Each recording that shares its key with others, and these; None is no key."""
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key is not None:
            groups[key].append(index)
    for group in groups.values():
        for index in group if len(group) > 1 else ():
            others = [checked[other].source for other in group if other != index]
            more = f" and {len(others) - OTHERS_SHOWN} more" if len(others) > OTHERS_SHOWN else ""
            yield index, ", ".join(others[:OTHERS_SHOWN]) + more


def _without_questionnaire(checked: Sequence[CheckedRecording]) -> list[tuple[int, Finding]]:
    has = [one.measurements.get("has_questionnaire") for one in checked]
    answering = {one.user_id for one, known in zip(checked, has, strict=True) if known == 1}
    if not answering:
        return []
    found = []
    for index, one in enumerate(checked):
        if has[index] != 0 or one.user_id in answering:
            continue
        is_blank = one.measurements.get("questionnaire_is_blank") == 1
        finding = RULES["questionnaire_missing"].broken(
            f"participant {one.user_id} must have a questionnaire as {len(answering)} others have, "
            f"found {'one in which nothing is answered' if is_blank else 'none'}",
            file=one.source,
        )
        found.append((index, finding))
    return found


def _ending_early(
    checked: Sequence[CheckedRecording], durations_s: Mapping[str, float]
) -> list[tuple[int, Finding]]:
    ends_s: defaultdict[str, list[float]] = defaultdict(list)
    for one in checked:
        if "last_s" in one.measurements:
            ends_s[one.video_id].append(one.measurements["last_s"])
    found = []
    for index, one in enumerate(checked):
        last_s = one.measurements.get("last_s")
        if last_s is None:
            continue
        given = one.video_id in durations_s
        others_s = sorted(ends_s[one.video_id])[-2:]
        # Which of two recordings is the usual one is unknown: the longer is taken.
        usual_s = others_s[0] if len(ends_s[one.video_id]) > 2 else others_s[-1]
        end_s = durations_s[one.video_id] if given else usual_s
        if last_s < end_s - EARLY_S:
            whose = "the video lasts" if given else "other recordings of the video last"
            finding = RULES["ends_early"].broken(
                f"{whose} {end_s:.1f} s, found the last sample at {last_s:.1f} s", file=one.source
            )
            found.append((index, finding))
    return found


def _unknown_durations(
    checked: Sequence[CheckedRecording], durations_s: Mapping[str, float]
) -> list[Finding]:
    videos = {one.video_id for one in checked if one.video_id}
    if not videos or not durations_s:
        return []
    unknown, unseen = sorted(videos - durations_s.keys()), sorted(durations_s.keys() - videos)
    if len(unknown) == len(videos):
        raise InputError(
            "lengths of videos must be given by the names that the recordings have, found "
            f"{_list(unseen)} for {_list(unknown)}; correct the names"
        )
    lacks = [
        f"no {what} of {_list(names)}"
        for what, names in (("duration", unknown), ("recording", unseen))
        if names
    ]
    if not lacks:
        return []
    return [
        RULES["video_duration_unknown"].broken(
            "where lengths of videos are given, each video must have one, and each must belong to "
            f"a video, found {' and '.join(lacks)}",
            # Who checks a part of a study may well give the lengths of all its videos.
            severity=Severity.WARNING if unknown else Severity.NOTE,
        )
    ]


def _missing_recordings(checked: Sequence[CheckedRecording]) -> list[Finding]:
    seen: defaultdict[str, set[str]] = defaultdict(set)
    viewers: defaultdict[str, set[str]] = defaultdict(set)
    for one in checked:
        if one.user_id and one.video_id:
            seen[one.user_id].add(one.video_id)
            viewers[one.video_id].add(one.user_id)
    usual = {video for video, people in viewers.items() if len(people) > MOST_SHARE * len(seen)}
    lacking = {
        user_id: missing for user_id, videos in seen.items() if (missing := sorted(usual - videos))
    }
    if not lacking:
        return []
    listed = [f"{user_id} lacks {_list(videos)}" for user_id, videos in lacking.items()]
    return [
        RULES["recording_missing"].broken(
            f"every participant must have the videos that most have, found {len(lacking)} of "
            f"{len(seen)} who do not: {_list(listed, '; ')}"
        )
    ]


def _list(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return separator.join(names[:NAMES_SHOWN]) + more


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
    recordings began; a person for whom neither is known throughout is passed over.
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
        RULES["order_same_for_all"].broken(
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
        RULES["sessions_same_for_all"].broken(
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
