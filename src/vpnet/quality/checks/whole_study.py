"""Checks that need all recordings of a study at once.

Where all participants saw the videos in one order, effects of a video and effects of its place
(novelty, boredom, fatigue) cannot be separated.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vpnet.errors import InputError
from vpnet.quality.checks.found import listed
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES, Finding, Severity

EARLY_S = 2.0
"""Players and loggers do not stop at the same moment; two seconds are more than that."""

MOST_SHARE = 0.5
"""Where fewer people saw a video than this share, it was not meant for everybody."""

OTHERS_SHOWN = 3

LEAST_PEOPLE = 3
LEAST_VIDEOS = 3
"""With fewer, an order is often the same by chance: two people share one of two orders, or not."""

VIDEOS_SHOWN = 4

Broken = Iterator[tuple[int, str, str]]
"""Which recordings break a rule: their place, the rule's code, and what was found."""


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
    for index, code, found in (
        *_duplicates(checked),
        *_copies(checked),
        *_without_questionnaire(checked),
        *_ending_early(checked, durations_s),
    ):
        recordings[index].append(RULES[code].broken(found, file=checked[index].source))
    study = [
        *check_orders(checked),
        *_missing_recordings(checked),
        *_unknown_durations(checked, durations_s),
    ]
    return StudyFindings(study, dict(recordings))


def _duplicates(checked: Sequence[CheckedRecording]) -> Broken:
    """Recordings of one person and one video."""
    keys = [
        (one.user_id, one.video_id) if one.user_id and one.video_id else None for one in checked
    ]
    for index, others in _others_alike(checked, keys):
        found = f"{checked[index].name} must be recorded once, found {others} as well"
        yield index, "duplicate_recording", found


def _copies(checked: Sequence[CheckedRecording]) -> Broken:
    """Recordings of the same movements."""
    keys = [
        None
        if "fingerprint" not in one.measurements
        else (one.measurements["fingerprint"], one.measurements.get("rows"))
        for one in checked
    ]
    rule = "no two recordings can be equal to the last digit, found the same movements in"
    for index, others in _others_alike(checked, keys):
        yield index, "copied_recording", f"{rule} {others}"


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
            yield index, listed(others, shown=OTHERS_SHOWN)


def _without_questionnaire(checked: Sequence[CheckedRecording]) -> Broken:
    has = [one.measurements.get("has_questionnaire") for one in checked]
    answering = {one.user_id for one, known in zip(checked, has, strict=True) if known == 1}
    for index, one in enumerate(checked if answering else ()):
        if has[index] == 0 and one.user_id not in answering:
            is_blank = one.measurements.get("questionnaire_is_blank") == 1
            yield (
                index,
                "questionnaire_missing",
                f"participant {one.user_id} must have a questionnaire as {len(answering)} others "
                f"have, found {'one in which nothing is answered' if is_blank else 'none'}",
            )


def _ending_early(checked: Sequence[CheckedRecording], durations_s: Mapping[str, float]) -> Broken:
    ends_s: defaultdict[str, list[float]] = defaultdict(list)
    for one in checked:
        if "last_s" in one.measurements:
            ends_s[one.video_id].append(one.measurements["last_s"])
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
            found = f"{whose} {end_s:.1f} s, found the last sample at {last_s:.1f} s"
            yield index, "ends_early", found


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
            f"{listed(unseen)} for {listed(unknown)}; correct the names"
        )
    lacks = [
        f"no {what} of {listed(names)}"
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
    lacks = [f"{user_id} lacks {listed(videos)}" for user_id, videos in lacking.items()]
    return [
        RULES["recording_missing"].broken(
            f"every participant must have the videos that most have, found {len(lacking)} of "
            f"{len(seen)} who do not: {listed(lacks, '; ')}"
        )
    ]


def check_orders(checked: Sequence[CheckedRecording]) -> list[Finding]:
    """Whether order and sessions are the same for all people.

    A person's order is that of the questionnaires' positions, else that of the times at which the
    recordings began; a person for whom neither is known throughout is passed over.
    """
    people: dict[str, dict[str, CheckedRecording]] = {}
    for one in checked:
        if one.user_id and one.video_id:
            people.setdefault(one.user_id, {}).setdefault(one.video_id, one)
    return [*_check_order(people.values()), *_check_sessions(people.values())]


def _check_order(people: Iterable[Mapping[str, CheckedRecording]]) -> list[Finding]:
    orders = [order for viewings in people if (order := _order(viewings))]
    shared = _seen_by_all(orders)
    on_shared = {tuple(video for video in order if video in shared) for order in orders}
    if not shared or len(on_shared) > 1:
        return []
    (order,) = on_shared
    shown = ", ".join(order[:VIDEOS_SHOWN]) + (", ..." if len(order) > VIDEOS_SHOWN else "")
    return [
        RULES["order_same_for_all"].broken(
            f"the order of videos must differ between people, found one order of {len(order)} "
            f"videos for all {len(orders)}: {shown}"
        )
    ]


def _check_sessions(people: Iterable[Mapping[str, CheckedRecording]]) -> list[Finding]:
    sessions_of = [
        {video: one.measurements.get("session") for video, one in viewings.items()}
        for viewings in people
    ]
    sessions_of = [sessions for sessions in sessions_of if None not in sessions.values()]
    shared = _seen_by_all(sessions_of)
    on_shared = {tuple(one[video] for video in sorted(shared)) for one in sessions_of}
    if not shared or len(on_shared) > 1:
        return []
    (sessions,) = on_shared
    if len(set(sessions)) < 2:
        return []
    return [
        RULES["sessions_same_for_all"].broken(
            f"the videos of a session must differ between people, found {len(shared)} videos in "
            f"the same of {len(set(sessions))} sessions for all {len(sessions_of)}"
        )
    ]


def _seen_by_all(people: Sequence[Iterable[str]]) -> set[str]:
    """The videos that all people saw; empty where people or videos are too few."""
    shared = set.intersection(*map(set, people)) if len(people) >= LEAST_PEOPLE else set()
    return shared if len(shared) >= LEAST_VIDEOS else set()


def _order(viewings: Mapping[str, CheckedRecording]) -> list[str]:
    """A person's videos in the order of viewing; empty where it is not known."""
    positions = {video: one.measurements.get("position") for video, one in viewings.items()}
    places: dict[str, Any] = positions
    if None in positions.values():
        places = {video: one.started_at for video, one in viewings.items()}
    if "" in places.values() or len(set(places.values())) < len(places):
        return []
    return sorted(places, key=lambda video: places[video])
