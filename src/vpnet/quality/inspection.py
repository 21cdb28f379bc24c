"""All that was found in a study, and the course of each recording, in little memory."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path

from vpnet.quality.checks.whole_study import check_study
from vpnet.quality.trace import RecordingTrace, trace_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding, Severity
from vpnet.studies.exclusions import Exclusion, read_exclusions, write_exclusions
from vpnet.studies.study import Study
from vpnet.text_table import counted


class Verdict(str, Enum):
    """What becomes of a recording: used, used with care, or refused."""

    GOOD = "good"
    CARE = "care"
    REFUSED = "refused"


WORDS = {
    Verdict.GOOD: "good",
    Verdict.CARE: "to be used with care",
    Verdict.REFUSED: "refused",
}


@dataclass(frozen=True, eq=False)
class InspectedRecording:
    """One recording of an inspection.

    Args:
        checked: What was found in it; the samples themselves were let go.
        trace: Its course; None where it could not be read.
        verdict: What becomes of it.
    """

    checked: CheckedRecording
    trace: RecordingTrace | None
    verdict: Verdict

    def worst_findings(self) -> list[Finding]:
        """Its findings, the most severe first."""
        return sorted(self.checked.findings, key=lambda finding: finding.severity.rank)


@dataclass(frozen=True)
class CodeSummary:
    """How often one code was found.

    Args:
        finding: An example of the highest severity.
        example: Which recording it is from; empty where it is about the study as a whole.
        recordings: Positions, in the inspection, of the recordings concerned.
        of_study: Those findings that are about the study as a whole.
    """

    finding: Finding
    example: str
    recordings: tuple[int, ...]
    of_study: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What `inspect_study` found.

    Args:
        recordings: All of them, in the order of the study.
        findings: What concerns the study as a whole.
        accepted: Codes of errors that were accepted.
    """

    recordings: tuple[InspectedRecording, ...]
    findings: tuple[Finding, ...] = ()
    accepted: tuple[str, ...] = ()

    @property
    def refused(self) -> list[CheckedRecording]:
        """The recordings that training would refuse."""
        return [one.checked for one in self.recordings if one.verdict is Verdict.REFUSED]

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """Number of recordings of each verdict."""
        verdicts = [one.verdict for one in self.recordings]
        return {verdict: verdicts.count(verdict) for verdict in Verdict}

    @cached_property
    def users(self) -> tuple[str, ...]:
        """Everybody who watched, in order of appearance; unknown users and videos aside."""
        return tuple(dict.fromkeys(one.user_id for one in self._known()))

    @cached_property
    def videos(self) -> tuple[str, ...]:
        """Everything that was watched, by name."""
        return tuple(sorted({one.video_id for one in self._known()}))

    @property
    def hours(self) -> float:
        """Length of all recordings together."""
        return sum(one.checked.measurements.get("duration_s", 0) for one in self.recordings) / 3600

    @property
    def length(self) -> str:
        """The same as text."""
        hours = self.hours
        return f"{hours:.1f} hours" if hours >= 1 else counted(round(60 * hours), "minute")

    @cached_property
    def codes(self) -> tuple[CodeSummary, ...]:
        """Every code that was found: the most severe, then the most frequent first."""
        found: dict[str, list[tuple[Finding, int | None]]] = {}
        for finding in self.findings:
            found.setdefault(finding.code, []).append((finding, None))
        for position, one in enumerate(self.recordings):
            for finding in one.checked.findings:
                found.setdefault(finding.code, []).append((finding, position))
        summaries = []
        for occurrences in found.values():
            finding, where = min(occurrences, key=lambda pair: pair[0].severity.rank)
            example = "" if where is None else self.recordings[where].checked.name
            positions = {position for _, position in occurrences if position is not None}
            of_study = tuple(one for one, position in occurrences if position is None)
            summaries.append(CodeSummary(finding, example, tuple(sorted(positions)), of_study))
        return tuple(
            sorted(summaries, key=lambda one: (one.finding.severity.rank, -len(one.recordings)))
        )

    def worst_first(self) -> list[InspectedRecording]:
        """All recordings: refused ones first, then those to be used with care, then good ones."""
        return sorted(self.recordings, key=_badness, reverse=True)

    def _known(self) -> Iterator[CheckedRecording]:
        checked = (one.checked for one in self.recordings)
        return (one for one in checked if one.user_id and one.video_id)


def inspect_study(study: Study, video_durations_s: Mapping[str, float] | None = None) -> Inspection:
    """Read a study once and keep what there is to show of it.

    Each recording is let go as soon as it was seen, so that a study of any size fits into memory:
    what is kept takes about 20 kB a recording.

    Args:
        study: The recordings; errors that it accepts refuse none of them.
        video_durations_s: Length of the videos by ``video_id``, as far as it is known.
    """
    checked: list[CheckedRecording] = []
    traces: list[RecordingTrace | None] = []
    for one in study.checked():
        traces.append(None if one.recording is None else trace_recording(one.recording))
        checked.append(replace(one, recording=None))
    of_study = check_study(checked, video_durations_s)
    inspected = []
    for position, (one, trace) in enumerate(zip(checked, traces, strict=True)):
        beyond = of_study.recordings.get(position, [])
        one = replace(one, findings=(*one.findings, *beyond))
        inspected.append(InspectedRecording(one, trace, _verdict(one, study.accept)))
    return Inspection(tuple(inspected), tuple(of_study.study), tuple(sorted(study.accept)))


def _verdict(one: CheckedRecording, accept: Collection[str]) -> Verdict:
    if one.refusals(accept):
        return Verdict.REFUSED
    if any(finding.severity is not Severity.NOTE for finding in one.findings):
        return Verdict.CARE
    return Verdict.GOOD


def _badness(one: InspectedRecording) -> tuple[bool, int, int]:
    severities = [finding.severity for finding in one.checked.findings]
    return (
        one.verdict is Verdict.REFUSED,
        severities.count(Severity.ERROR),
        severities.count(Severity.WARNING),
    )


def leave_out_refused(path: Path, inspection: Inspection) -> str:
    """Write the file that leaves the refused recordings out; what it holds already is kept.

    Returns:
        What was done, for people.

    Raises:
        InputError: There is a file, and it is no file of excluded recordings.
    """
    kept = read_exclusions(path) if path.exists() else []
    new = _beyond(kept, inspection)
    write_exclusions(path, new, kept)
    lines = [
        f"to leave the refused out of training: data.exclude={path} ({len(new)} added, "
        f"{len(kept)} kept)"
    ]
    copies = Counter(
        one.name
        for one in new
        if any(finding.code == "duplicate_recording" for finding in one.findings)
    )
    for name, count in copies.items():
        if count > 1:
            which = "both" if count == 2 else f"all {count}"
            lines.append(
                f"{which} recordings of {name} are left out; delete the line of the one to keep"
            )
    return "\n".join(lines)


def _beyond(kept: Sequence[Exclusion], inspection: Inspection) -> list[CheckedRecording]:
    """The refused recordings that are still to be left out."""
    unmet = [
        one
        for one in inspection.refused
        if not any(line.meets(one.user_id, one.video_id, one.source) for line in kept)
    ]
    left = Counter(one.name for one in unmet)

    def chosen(one: CheckedRecording) -> bool:
        """Whether it is a duplicate whose others are left out: the one that somebody kept."""
        errors = {finding.code for finding in one.refusals(inspection.accepted)}
        return errors == {"duplicate_recording"} and left[one.name] == 1

    return [one for one in unmet if not chosen(one)]
