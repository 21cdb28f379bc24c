"""All recordings of a study: read one after the other, in several processes, and never all at once.

A reader of a data set lists its files as `StudyPart`, cheaply; a `Study` reads them when it is
iterated. What was read is kept (`vpnet.recordings.recording_cache`), what is refused or excluded is
not handed on.
"""

import difflib
import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

import torch
from loky import ProcessPoolExecutor, cpu_count
from rich.progress import track

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.exclusions import read_exclusions
from vpnet.recordings.findings import Severity
from vpnet.recordings.recording import Recording
from vpnet.recordings.recording_cache import RecordingCache, content_key, default_folder
from vpnet.recordings.refusals import ACCEPTABLE, UNREADABLE

PROGRESS_FROM = 20
"""A study of more files than this shows a progress bar."""

PARALLEL_FROM = 40
"""A study of fewer files is read sooner than other processes have started."""

MOST_WORKERS = 2
"""Processes take half a GB each, nearly all of it libraries, so by default no more than this."""

REFUSALS_SHOWN = 10

LEAVE_OUT = "or leave the recording out"
"""What a reader's own message, which names a remedy, leaves to be said."""

_LOGGER = logging.getLogger(__name__)


class StudyOptions(TypedDict, total=False):
    """What every reader of a study takes besides its own settings; see `Study`."""

    exclude: str | Path | None
    accept: Sequence[str]
    cache: bool | str | Path
    workers: int | None


@dataclass(frozen=True)
class StudyPart:
    """Files that are read together.

    Args:
        files: The files, which exist; their content decides whether a kept result still fits.
        read: Gives the recordings in them; a function of a module with its arguments, which are all
            that the result depends on besides the files.
        user_id: Who watched, as far as names of files tell.
        video_id: What was watched, likewise.
    """

    files: tuple[Path, ...]
    read: "partial[list[CheckedRecording]]"
    user_id: str = ""
    video_id: str = ""

    def key(self) -> str:
        """Under which the result is kept."""
        keywords = sorted(self.read.keywords.items())
        function = f"{self.read.func.__module__}.{self.read.func.__qualname__}"
        return content_key(self.files, repr((function, self.read.args, keywords)))

    def checked(self) -> list[CheckedRecording]:
        """Read; what cannot be read at all comes as a finding."""
        threads = torch.get_num_threads()
        # Sums over some thousand rows are over before a second thread has woken up.
        torch.set_num_threads(1)
        try:
            return self.read()
        except InputError as error:
            source = str(self.files[0])
            # The message begins with the file, as a finding's own does.
            found = str(error).removeprefix(source).lstrip(":, ")
            return [
                CheckedRecording(
                    self.user_id,
                    self.video_id,
                    source,
                    recording=None,
                    findings=(UNREADABLE.broken(found, file=source, remedy=LEAVE_OUT),),
                )
            ]
        finally:
            torch.set_num_threads(threads)


class Study:
    """The recordings of one data set. Iterate it: each time they are read, or loaded, anew.

    Args:
        parts: What to read, in order.
        exclude: File of recordings to leave out, see `vpnet.recordings.exclusions`.
        accept: Codes of errors that do not refuse a recording, see `vpnet.recordings.refusals`.
        cache: Whether what was read is kept in the user's folder for caches (or that named by the
            environment variable VPNET_CACHE); or a folder to keep it in.
        workers: Processes that read, this one included; None takes two where there are two cores.

    Raises:
        InputError: The exclusion file is wrong, or a code is unknown.
    """

    def __init__(
        self,
        parts: Iterable[StudyPart],
        *,
        exclude: str | Path | None = None,
        accept: Sequence[str] = (),
        cache: bool | str | Path = True,
        workers: int | None = None,
    ) -> None:
        self.parts = tuple(parts)
        self.exclusions = [] if exclude is None else read_exclusions(exclude)
        self.exclude = exclude
        self.accept = _known_codes(accept)
        self.cache = cache
        if workers is not None and workers < 1:
            raise InputError(f"workers must be at least 1, got {workers}")
        self.workers = workers or min(MOST_WORKERS, cpu_count())

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
            codes = {one.code for one in one.findings if one.severity is not Severity.NOTE}
            warned.update(codes)
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
        for part in track(
            self._read(),
            description="Reading recordings",
            total=len(self.parts),
            disable=len(self.parts) <= PROGRESS_FROM,
        ):
            yield from part

    def _read(self) -> Iterator[list[CheckedRecording]]:
        kept = self.cache is not False
        folder = default_folder() if isinstance(self.cache, bool) else Path(self.cache)
        if self.workers > 1 and len(self.parts) >= PARALLEL_FROM:
            with tempfile.TemporaryDirectory() as passing:
                yield from self._read_together(folder if kept else Path(passing), kept)
        else:
            for part in self.parts:
                yield _read_part(part, RecordingCache(folder)) if kept else part.checked()

    def _read_together(self, folder: Path, kept: bool) -> Iterator[list[CheckedRecording]]:
        """Read what is not kept yet in this process and in others.

        They hand over files, kept or not: tensors would cross over through shared memory, which
        containers have little of.
        """
        cache = RecordingCache(folder)
        keys = [
            part.key() if kept else str(number)
            for number, part in enumerate(track(self.parts, description="Looking for what is kept"))
        ]
        missing = [number for number, key in enumerate(keys) if not cache.holds(key)]
        elsewhere: list[int] = []
        if len(missing) >= PARALLEL_FROM:
            elsewhere = [n for place, n in enumerate(missing, start=1) if place % self.workers]
        upcoming = iter(elsewhere)
        begun: dict[int, Future[None]] = {}
        pool = ProcessPoolExecutor(self.workers - 1) if elsewhere else None
        try:
            for number, (part, key) in enumerate(zip(self.parts, keys, strict=True)):
                while pool and len(begun) < 2 * self.workers:
                    following = next(upcoming, None)
                    if following is None:
                        break
                    arguments = (self.parts[following], keys[following], cache)
                    begun[following] = pool.submit(_store_part, *arguments)
                if number in begun:
                    begun.pop(number).result()
                checked = cache.load(key)
                if checked is None:
                    checked = part.checked()
                    if kept:
                        cache.store(key, checked)
                if not kept:
                    cache.discard(key)
                yield checked
        finally:
            if pool:
                pool.shutdown(kill_workers=True)


def _read_part(part: StudyPart, cache: RecordingCache) -> list[CheckedRecording]:
    key = part.key()
    checked = cache.load(key)
    if checked is None:
        checked = part.checked()
        cache.store(key, checked)
    return checked


def _store_part(part: StudyPart, key: str, cache: RecordingCache) -> None:
    cache.store(key, part.checked())


def _known_codes(accept: Sequence[str]) -> frozenset[str]:
    if isinstance(accept, str):
        raise InputError(f"accept must be a list of codes, got {accept!r}; write [{accept}]")
    for code in accept:
        if code not in ACCEPTABLE:
            close = difflib.get_close_matches(str(code), ACCEPTABLE, n=1)
            known = f"did you mean {close[0]}?" if close else f"known are {', '.join(ACCEPTABLE)}"
            raise InputError(f"accept: no error that can be accepted is called {code!r}; {known}")
    return frozenset(accept)


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
    return f"{len(refused)} recordings are refused:\n" + "\n".join(lines)


def _ways_out(codes: Sequence[str]) -> str:
    leave_out = "to leave recordings out: vpnet check ROOT --exclude FILE, then data.exclude=FILE"
    acceptable = [code for code in codes if code in ACCEPTABLE]
    if not acceptable:
        return leave_out
    return f"{leave_out}; to use them nevertheless: data.accept=[{','.join(acceptable)}]"
