"""Checks that need all recordings of a study at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vpnet.errors import InputError
from vpnet.quality.checks.orders import check_orders
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.refusals import COPIED_RECORDING

EARLY_S = 2.0
"""Players and loggers do not stop at the same moment; two seconds are more than that."""

MOST_SHARE = 0.5
"""Where fewer people saw a video than this share, it was not meant for everybody."""

NAMES_SHOWN = 6
OTHERS_SHOWN = 3

QUESTIONNAIRE_MISSING = Rule(
    "questionnaire_missing",
    Severity.WARNING,
    "This participant's questionnaire is missing",
    meaning="Others of the study have one; models that use answers see none for this person.",
    remedy="put it there, or fill it in; vpnet questionnaire writes a template",
)
RECORDING_MISSING = Rule(
    "recording_missing",
    Severity.NOTE,
    "Participants lack recordings",
    meaning="Averages over people then rest on fewer people for some videos than for others.",
    remedy="copy them from the headset if they were made; nothing to do if each was shown a part",
)
DUPLICATE_RECORDING = Rule(
    "duplicate_recording",
    Severity.ERROR,
    "Two recordings of one person and one video",
    meaning="The second sight of a scene is not like the first; or the names are wrong, and one is "
    "somebody else's. A split could tear the two apart.",
    remedy="find out which is right, and remove or exclude the other",
)
ENDS_EARLY = Rule(
    "ends_early",
    Severity.WARNING,
    "The recording ends before the video",
    meaning="The viewer stopped, or the headset did; the end of the video is missing.",
    remedy="nothing to do if the rest is worth having; else leave the recording out",
)
VIDEO_DURATION_UNKNOWN = Rule(
    "video_duration_unknown",
    Severity.WARNING,
    "The given lengths are not those of the videos",
    meaning="Where the length of a video is not known, an early end of its recordings shows only "
    "in comparison with each other.",
    remedy="write the names of videos as the recordings have them, and add what is lacking",
)
RULES = (
    QUESTIONNAIRE_MISSING,
    RECORDING_MISSING,
    DUPLICATE_RECORDING,
    ENDS_EARLY,
    VIDEO_DURATION_UNKNOWN,
)


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


def _groups(checked: Sequence[CheckedRecording], keys: Sequence[object]) -> list[list[int]]:
    """Places of recordings that share a key; None is no key."""
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        if key is not None:
            groups[key].append(index)
    return list(groups.values())


def _duplicates(checked: Sequence[CheckedRecording]) -> list[tuple[int, Finding]]:
    keys = [
        (one.user_id, one.video_id) if one.user_id and one.video_id else None for one in checked
    ]
    return [
        (
            index,
            DUPLICATE_RECORDING.broken(
                f"{checked[index].name} must be recorded once, found "
                f"{_others(checked, group, index)} as well",
                file=checked[index].source,
            ),
        )
        for group in _groups(checked, keys)
        if len(group) > 1
        for index in group
    ]


def _copies(checked: Sequence[CheckedRecording]) -> list[tuple[int, Finding]]:
    keys = [
        None
        if "fingerprint" not in one.measurements
        else (one.measurements["fingerprint"], one.measurements.get("rows"))
        for one in checked
    ]
    return [
        (
            index,
            COPIED_RECORDING.broken(
                "no two recordings can be equal to the last digit, found the same movements in "
                f"{_others(checked, group, index)}",
                file=checked[index].source,
            ),
        )
        for group in _groups(checked, keys)
        if len(group) > 1
        for index in group
    ]


def _others(checked: Sequence[CheckedRecording], group: Sequence[int], index: int) -> str:
    others = [checked[other].source for other in group if other != index]
    more = f" and {len(others) - OTHERS_SHOWN} more" if len(others) > OTHERS_SHOWN else ""
    return ", ".join(others[:OTHERS_SHOWN]) + more


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
        finding = QUESTIONNAIRE_MISSING.broken(
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
        # Of two recordings nobody knows which is the usual one: the longer is taken.
        usual_s = others_s[0] if len(ends_s[one.video_id]) > 2 else others_s[-1]
        end_s = durations_s[one.video_id] if given else usual_s
        if last_s < end_s - EARLY_S:
            whose = "the video lasts" if given else "other recordings of the video last"
            finding = ENDS_EARLY.broken(
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
        VIDEO_DURATION_UNKNOWN.broken(
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
        RECORDING_MISSING.broken(
            f"every participant must have the videos that most have, found {len(lacking)} of "
            f"{len(seen)} who do not: {_list(listed, '; ')}"
        )
    ]


def _list(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return separator.join(names[:NAMES_SHOWN]) + more
