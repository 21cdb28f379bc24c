"""Reading the parts of a study: from the cache, by this process, or by several processes."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from loky import ProcessPoolExecutor
from rich.progress import track

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES
from vpnet.studies.recording_cache import RecordingCache, content_key

PARALLEL_FROM = 40
"""Fewer files are read sooner than other processes have started."""

LEAVE_OUT = "or leave the recording out"
"""The alternative that a finding adds to the remedy in a reader's own message."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyPart:
    """Files that are read together, mostly those of one recording.

    Args:
        files: The files, which exist; their content decides whether a kept result still fits.
        read: Gives the recordings in them; a function of a module with its arguments, which are all
            that the result depends on besides the files.
        user_id: Who watched, as far as names of files tell.
        video_id: What was watched, likewise.
        check: Adds what checks find to each recording; a function of a module. None adds nothing.
    """

    files: tuple[Path, ...]
    read: "partial[list[CheckedRecording]]"
    user_id: str = ""
    video_id: str = ""
    check: Callable[[CheckedRecording], CheckedRecording] | None = None

    def key(self) -> str | None:
        """Under which the result is kept; None where a file cannot be read."""
        keywords = sorted(self.read.keywords.items())
        functions = [
            f"{function.__module__}.{function.__qualname__}"
            for function in (self.read.func, self.check)
            if function is not None
        ]
        try:
            return content_key(self.files, repr((functions, self.read.args, keywords)))
        except OSError:
            return None

    def checked(self) -> list[CheckedRecording]:
        """Read and check; files that cannot be read at all become a finding."""
        threads = torch.get_num_threads()
        # Sums over some thousand rows are over before a second thread has woken up.
        torch.set_num_threads(1)
        try:
            found = self.read()
            if self.check is not None:
                found = [self.check(one) for one in found]
            return [one.without_source() for one in found]
        except InputError as error:
            source = str(self.files[0])
            # The message begins with the file, as a finding's own does.
            message = str(error).removeprefix(source).lstrip(":, ")
            findings = (RULES["unreadable"].broken(message, file=source, remedy=LEAVE_OUT),)
            return [CheckedRecording(self.user_id, self.video_id, source, None, findings)]
        finally:
            torch.set_num_threads(threads)


def read_parts(
    parts: Sequence[StudyPart], folder: Path | None, workers: int
) -> Iterator[list[CheckedRecording]]:
    """The recordings of each part, in order, one part in memory at a time.

    Args:
        parts: What to read.
        folder: Where what was read is kept; None keeps nothing.
        workers: Processes that read, this one included.
    """
    cache = None if folder is None else RecordingCache(folder)
    if cache is not None:
        cache.prune()
    if workers > 1 and len(parts) >= PARALLEL_FROM:
        return _read_together(parts, cache, workers)
    return (_read_part(part, None if cache is None else part.key(), cache) for part in parts)


def _read_part(
    part: StudyPart, key: str | None, cache: RecordingCache | None
) -> list[CheckedRecording]:
    """Load what is kept of a part, else read and keep it."""
    if cache is None or key is None:
        return part.checked()
    kept = cache.load(key)
    return _read_and_keep(part, key, cache) if kept is None else kept


def _read_and_keep(part: StudyPart, key: str, cache: RecordingCache) -> list[CheckedRecording]:
    checked = part.checked()
    # Nothing is kept where a file changed meanwhile: the key is that of its old content.
    if part.key() == key:
        cache.store(key, checked)
    return checked


def _store(part: StudyPart, key: str, cache: RecordingCache, kept: bool) -> None:
    """What another process does: it returns nothing, since the result is handed over as files."""
    if kept:
        _read_and_keep(part, key, cache)
    else:
        cache.store(key, part.checked())


def _read_together(
    parts: Sequence[StudyPart], cache: RecordingCache | None, workers: int
) -> Iterator[list[CheckedRecording]]:
    """Read what is not kept yet in this process and in others, a few parts ahead.

    They hand over files, also where nothing is to be kept: tensors would come through shared
    memory, which containers have little of.
    """
    keys: list[str | None] = [str(number) for number in range(len(parts))]
    if cache is not None:
        keys = [part.key() for part in track(parts, description="Looking for what is kept")]
    with tempfile.TemporaryDirectory() as passing:
        shared = cache or RecordingCache(Path(passing))
        missing = [n for n, key in enumerate(keys) if key is not None and not shared.holds(key)]
        elsewhere: list[int] = []
        if len(missing) >= PARALLEL_FROM:
            elsewhere = [n for place, n in enumerate(missing, start=1) if place % workers]
        # Processes that each use every core only get into each other's way.
        alone = {"OMP_NUM_THREADS": "1"}
        pool = ProcessPoolExecutor(workers - 1, env=alone) if elsewhere else None
        upcoming = iter(elsewhere)
        begun: dict[int, Future[None]] = {}
        try:
            for number, (part, key) in enumerate(zip(parts, keys, strict=True)):
                while len(begun) < 2 * workers and (n := next(upcoming, None)) is not None:
                    assert pool is not None
                    begun[n] = pool.submit(_store, parts[n], keys[n], shared, cache is not None)
                try:
                    if number in begun:
                        begun.pop(number).result()
                except BrokenProcessPool:
                    _LOGGER.warning(
                        "a process that read was ended from outside, perhaps for want of memory; "
                        "the remaining recordings are read by one process"
                    )
                    upcoming, begun = iter(()), {}
                if cache is not None or key is None:
                    yield _read_part(part, key, cache)
                    continue
                passed = shared.load(key)
                shared.discard(key)
                yield part.checked() if passed is None else passed
        finally:
            if pool is not None:
                pool.shutdown(kill_workers=True)
