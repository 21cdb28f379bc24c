"""Reading the parts of a study: from the cache, by this process, or by several processes.

What was read is kept, keyed by the files' content, the settings and the reader's own code; a key
that fits is therefore never stale. An entry is ``<key>.json`` with the findings and, for each
recording in it, ``<key>-<number>.parquet`` with the samples. The JSON is written last, so that an
entry that was interrupted does not count. Any of the files may be deleted at any time, and reading
them can run no code.
"""

import functools
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs
import polars as pl
import torch
from loky import ProcessPoolExecutor
from rich.progress import track
from torch import Tensor

from vpnet.errors import InputError
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.recording import Recording
from vpnet.whole_files import whole_file, write_text

LOCATION = "VPNET_CACHE"
"""Environment variable that names another folder than the user's usual one for caches."""

UNUSED_DAYS = 30
"""Entries that were not loaded for so long are deleted: settings and code may have changed."""

CODE = ("geometry", "recordings", "studies", "questionnaires", "quest_pro", "quality", "readers")
"""Packages whose code decides what is read from a file and what is found in it."""

_KEY = re.compile(r"[0-9a-f]{32}")
_PLAIN = ("user_id", "video_id", "source", "started_at", "measurements")

_LOGGER = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where recordings are kept unless the user names a folder."""
    return Path(os.environ.get(LOCATION) or platformdirs.user_cache_dir("vpnet")) / "recordings"


def content_key(files: Sequence[Path], settings: str) -> str:
    """A name for what one reader makes of some files, which exist, with some settings.

    Returns:
        Hexadecimal digits; others for other content, names, settings or code.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(_code_digest())
    digest.update(settings.encode())
    for file in files:
        content = file.read_bytes()
        digest.update(f"\0{file}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@functools.cache
def _code_digest() -> bytes:
    digest = hashlib.blake2b()
    root = Path(__file__).resolve().parents[1]
    for package in CODE:
        for file in sorted((root / package).rglob("*")):
            if file.suffix in (".py", ".yaml"):
                digest.update(file.read_bytes())
    return digest.digest()


class RecordingCache:
    """A folder of entries; it is made, for its owner alone, when the first is stored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, key: str, checked: Sequence[CheckedRecording]) -> None:
        """Keep what was read; a folder that cannot be written is logged and otherwise ignored."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            entries = []
            for number, one in enumerate(checked):
                entry = {name: getattr(one, name) for name in _PLAIN} | {"recording": None}
                entry["findings"] = [finding.to_dict() for finding in one.findings]
                if one.recording is not None:
                    entry["recording"] = self._write(key, number, one.recording)
                entries.append(entry)
            write_text(self.folder / f"{key}.json", json.dumps(entries))
        except (OSError, pl.exceptions.PolarsError) as error:
            _LOGGER.warning("%s: recordings are not kept (%s)", self.folder, error)

    def load(self, key: str) -> list[CheckedRecording] | None:
        """What was kept under a key; None where there is nothing, or nothing whole."""
        try:
            path = self.folder / f"{key}.json"
            entries = json.loads(path.read_text(encoding="utf-8"))
            path.touch()
            checked = []
            for number, entry in enumerate(entries):
                fields = entry["recording"]
                recording = None if fields is None else self._read(key, number, fields)
                findings = tuple(Finding.from_dict(values) for values in entry["findings"])
                plain = {name: entry[name] for name in _PLAIN}
                checked.append(CheckedRecording(**plain, recording=recording, findings=findings))
            return checked
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            _LOGGER.info("%s: entry %s is damaged and is read anew (%s)", self.folder, key, error)
            return None

    def prune(self) -> None:
        """Delete what has not been used for `UNUSED_DAYS`."""
        latest_s = time.time() - UNUSED_DAYS * 24 * 3600
        for path in self.folder.glob("*.json"):
            # The folder may hold other files: a user can name any.
            if _KEY.fullmatch(path.stem) and path.stat().st_mtime < latest_s:
                self.discard(path.stem)

    def holds(self, key: str) -> bool:
        """Whether something is kept under a key."""
        return (self.folder / f"{key}.json").is_file()

    def discard(self, key: str) -> None:
        """Delete what is kept under a key."""
        (self.folder / f"{key}.json").unlink(missing_ok=True)
        for path in self.folder.glob(f"{key}-[0-9]*.parquet"):
            path.unlink()

    def _write(self, key: str, number: int, recording: Recording) -> dict[str, Any]:
        """Write the tensors, a column each; return the other fields."""
        fields = vars(recording).copy()
        tensors = {name: value for name, value in fields.items() if isinstance(value, Tensor)}
        columns = {name: fields.pop(name).contiguous().numpy() for name in tensors}
        with whole_file(self.folder / f"{key}-{number}.parquet") as temporary:
            pl.DataFrame(columns).write_parquet(temporary, compression="zstd")
        return fields

    def _read(self, key: str, number: int, fields: dict[str, Any]) -> Recording:
        table = pl.read_parquet(self.folder / f"{key}-{number}.parquet")
        read: dict[str, Any] = dict(fields)
        read |= {one.name: torch.from_numpy(one.to_numpy(writable=True)) for one in table}
        # JSON knows no tuples.
        read["face_names"] = tuple(fields["face_names"])
        return Recording(**read)


PARALLEL_FROM = 40
"""Fewer files are read sooner than other processes have started."""

LEAVE_OUT = "or leave the recording out"
"""The alternative that a finding adds to the remedy in a reader's own message."""


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
