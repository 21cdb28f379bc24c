"""All recordings of a study: read one after the other, in several processes, and never all at once.

A reader of a data set lists its files as `StudyPart`, cheaply; a `Study` reads them when it is
iterated. What was read is kept, what is refused or excluded is not handed on. Readers call no
check: `vpnet.quality.checking.with_checks` adds them, as the commands and `read_any` do.
"""

import copy
import difflib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from loky import cpu_count
from pydantic import Field
from rich.progress import track

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import ACCEPTABLE, RULES, Finding, Severity
from vpnet.recordings.recording import Recording
from vpnet.settings import PositiveInt, checked
from vpnet.studies.exclusions import read_exclusions
from vpnet.studies.study_reading import StudyPart, default_folder, read_parts

PROGRESS_FROM = 20
"""A study of more files than this shows a progress bar."""

MOST_WORKERS = 2
"""Processes take half a GB each, nearly all of it libraries, so by default no more than this."""

REFUSALS_SHOWN = 10

_LOGGER = logging.getLogger(__name__)

Codes = Annotated[Sequence[str], Field(description="a list of codes, such as [euler_disagrees]")]

Folder = Annotated[
    str, Field(pattern=r"[/\\]", description="a folder, with a / in it such as ./kept")
]
"""A folder that is no misspelt truth value, such as "no" or "flase"."""


@checked
@dataclass(frozen=True)
class StudyOptions:
    """Which recordings of a study are used, and how they are read.

    Args:
        exclude: CSV file of recordings to leave out, as vpnet check ROOT --exclude FILE writes
            it; null leaves none out.
        accept: Codes of errors that vpnet check reports and that do not refuse a recording.
        cache: Whether what was read is kept in your folder for caches (or that named by the
            environment variable VPNET_CACHE), or a folder to keep it in.
        workers: Processes that read, half a GB each, the main one included; null takes two where
            there are two cores.

    Raises:
        InputError: A code of ``accept`` is unknown.
    """

    exclude: str | Path | None = None
    accept: Codes = ()
    cache: bool | Folder | Path = True
    workers: PositiveInt | None = None

    def __post_init__(self) -> None:
        for code in self.accept:
            if code not in ACCEPTABLE:
                close = difflib.get_close_matches(code, ACCEPTABLE, n=1)
                known = f"known are {', '.join(ACCEPTABLE)}"
                remedy = f"did you mean {close[0]}?" if close else known
                raise InputError(
                    f"accept: no error that can be accepted is called {code!r}; {remedy}"
                )


class Study:
    """The recordings of one data set. Iterate it: each time they are read, or loaded, anew.

    Raises:
        InputError: The exclusion file is wrong.
    """

    def __init__(self, parts: Iterable[StudyPart], options: StudyOptions = StudyOptions()) -> None:
        self.parts = tuple(parts)
        self.exclude = options.exclude
        self.exclusions = [] if self.exclude is None else read_exclusions(self.exclude)
        self.accept = frozenset(options.accept)
        self.cache = options.cache
        self.workers = options.workers or min(MOST_WORKERS, cpu_count())

    def checked_by(self, check: Callable[[CheckedRecording], CheckedRecording]) -> "Study":
        """The same study, its recordings completed by a check, which is a function of a module."""
        other = copy.copy(self)
        other.parts = tuple(replace(part, check=check) for part in self.parts)
        return other

    def __len__(self) -> int:
        """Number of parts, each of which holds at least one recording."""
        return len(self.parts)

    def __iter__(self) -> Iterator[Recording]:
        """The recordings that may be used.

        Raises:
            InputError: Recordings are refused; the message names them, after all were read.
        """
        refused: list[CheckedRecording] = []
        warned: Counter[str] = Counter()
        unmet = set(range(len(self.exclusions)))
        contents: dict[tuple[float, float], str] = {}
        for one in self.checked():
            met = {
                number
                for number, exclusion in enumerate(self.exclusions)
                if exclusion.meets(one.user_id, one.video_id, one.source)
            }
            unmet -= met
            if met:
                continue
            if one.refusals(self.accept):
                refused.append(one)
                continue
            copied = _copy_of(one, contents)
            if copied and "copied_recording" not in self.accept:
                refused.append(replace(one, findings=(copied,)))
                continue
            codes = {one.code for one in one.findings if one.severity is not Severity.NOTE}
            warned.update(sorted(codes))
            if one.recording is not None:
                yield one.recording
        if unmet:
            _LOGGER.warning(
                "%s: %d lines meet no recording, the first is %s",
                self.exclude,
                len(unmet),
                self.exclusions[min(unmet)],
            )
        if refused:
            raise InputError(_refusal(refused, self.accept))
        if warned:
            listed = ", ".join(f"{code} in {count}" for code, count in warned.most_common())
            _LOGGER.warning(
                "some recordings should be used with care (%s); vpnet check explains", listed
            )

    def checked(self) -> Iterator[CheckedRecording]:
        """All recordings with what was found in them, refused and excluded ones as well."""
        folder = default_folder() if isinstance(self.cache, bool) else Path(self.cache)
        for part in track(
            read_parts(self.parts, None if self.cache is False else folder, self.workers),
            description="Reading recordings",
            total=len(self.parts),
            disable=len(self.parts) <= PROGRESS_FROM,
        ):
            yield from part


def _copy_of(one: CheckedRecording, contents: dict[tuple[float, float], str]) -> Finding | None:
    """The finding that a recording's content came before under another name; else remember it."""
    if "fingerprint" not in one.measurements:
        return None
    content = (one.measurements["fingerprint"], one.measurements["rows"])
    if contents.setdefault(content, one.source) == one.source:
        return None
    found = f"no two recordings can be equal to the last digit, found {contents[content]} so"
    return RULES["copied_recording"].broken(found, file=one.source)


def _refusal(refused: Sequence[CheckedRecording], accept: frozenset[str]) -> str:
    """One message for all recordings that are refused."""
    findings = [(one, finding) for one in refused for finding in one.refusals(accept)]
    if len(findings) == 1:
        one, finding = findings[0]
        return f"{finding.message} ({_ways_out([finding.code])})"
    lines = [f"{one.name}: {finding.message}" for one, finding in findings[:REFUSALS_SHOWN]]
    if len(findings) > REFUSALS_SHOWN:
        lines.append(f"and {len(findings) - REFUSALS_SHOWN} more")
    lines.append(_ways_out(sorted({finding.code for _, finding in findings})))
    count = "1 recording is" if len(refused) == 1 else f"{len(refused)} recordings are"
    return f"{count} refused:\n" + "\n".join(lines)


def _ways_out(codes: Sequence[str]) -> str:
    leave_out = "to leave recordings out: vpnet check ROOT --exclude FILE, then data.exclude=FILE"
    acceptable = [code for code in codes if code in ACCEPTABLE]
    if not acceptable:
        return leave_out
    those = "to use them" if len(acceptable) == len(codes) else "to use those of these codes"
    return (
        f"{leave_out}; {those} nevertheless: data.accept=[{','.join(acceptable)}] "
        "(predict.py: reading.accept)"
    )
