"""Reading the parts of a study: kept ones are loaded, many others read by several processes."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from loky import ProcessPoolExecutor
from rich.progress import track

from vpnet.recordings.checked import CheckedRecording
from vpnet.studies.recording_cache import RecordingCache
from vpnet.studies.study_part import StudyPart

PARALLEL_FROM = 40
"""Fewer files are read sooner than other processes have started."""

_LOGGER = logging.getLogger(__name__)


def read_parts(
    parts: Sequence[StudyPart], folder: Path | None, workers: int
) -> Iterator[list[CheckedRecording]]:
    """The recordings of each part, in order, one part in memory at a time.

    Args:
        parts: What to read.
        folder: Where what was read is kept; None keeps nothing.
        workers: Processes that read, this one included.
    """
    if folder is not None:
        RecordingCache(folder).prune()
    if workers == 1 or len(parts) < PARALLEL_FROM:
        return (_read_part(part, folder) for part in parts)
    keys: list[str | None] = [str(number) for number in range(len(parts))]
    if folder is not None:
        keys = [part.key() for part in track(parts, description="Looking for what is kept")]
    return _read_together(parts, keys, folder, workers)


def _read_part(part: StudyPart, folder: Path | None) -> list[CheckedRecording]:
    if folder is None:
        return part.checked()
    cache, key = RecordingCache(folder), part.key()
    checked = None if key is None else cache.load(key)
    if checked is None:
        checked = part.checked()
        _keep(part, key, checked, cache)
    return checked


def _read_together(
    parts: Sequence[StudyPart], keys: Sequence[str | None], folder: Path | None, workers: int
) -> Iterator[list[CheckedRecording]]:
    """Read what is not kept yet in this process and in others.

    They hand over files, kept or not: tensors would cross over through shared memory, which
    containers have little of.
    """
    with tempfile.TemporaryDirectory() as passing:
        cache = RecordingCache(folder or Path(passing))
        missing = [n for n, key in enumerate(keys) if key is not None and not cache.holds(key)]
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
                    store = (parts[n], keys[n], cache, folder is not None)
                    begun[n] = pool.submit(_store_part, *store)
                try:
                    if number in begun:
                        begun.pop(number).result()
                except BrokenProcessPool:
                    _LOGGER.warning(
                        "a process that read was ended from outside, perhaps for want of memory; "
                        "this one goes on alone"
                    )
                    upcoming, begun = iter(()), {}
                checked = None if key is None else cache.load(key)
                if checked is None:
                    checked = part.checked()
                    if folder is not None:
                        _keep(part, key, checked, cache)
                if folder is None and key is not None:
                    cache.discard(key)
                yield checked
        finally:
            if pool is not None:
                pool.shutdown(kill_workers=True)


def _store_part(part: StudyPart, key: str, cache: RecordingCache, kept: bool) -> None:
    checked = part.checked()
    if kept:
        _keep(part, key, checked, cache)
    else:
        cache.store(key, checked)


def _keep(
    part: StudyPart, key: str | None, checked: list[CheckedRecording], cache: RecordingCache
) -> None:
    """Keep what was read, unless a file changed meanwhile: the key is that of its old content."""
    if key is not None and part.key() == key:
        cache.store(key, checked)
