"""Getting the videos of a list: many files at a time, each probed before it counts as there."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from threading import Event
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from vpnet.errors import InputError
from vpnet.studies.video_durations import VIDEO_ENDINGS
from vpnet.video.download import Interrupted, RetrySettings, download, forget
from vpnet.video.manifest import ManifestEntry, direct_link
from vpnet.video.probe import VideoFile, probe_video

_ENDINGS = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
}


class Fetched(NamedTuple):
    """What became of one video."""

    name: str
    """Of its file, or of what its file would be."""
    state: str
    """``there already``, ``fetched``, ``resumed`` or ``missing``."""
    size_bytes: int
    """Of the file; 0 where it is missing."""
    duration_s: float
    """Of the video; 0 where it is missing."""
    failure: str
    """Why it is missing; else empty."""


def fetch_videos(
    entries: Sequence[ManifestEntry],
    output: str | Path,
    at_once: int = 2,
    settings: RetrySettings | None = None,
) -> list[Fetched]:
    """Load what is missing in a folder.

    A file that is there and can be decoded is left alone; one that cannot is loaded anew, and
    replaced when the new one is good. Several runs on a folder wait for each other file by file.

    Args:
        entries: What is wanted.
        output: The folder; it is made where it is missing.
        at_once: Downloads at a time.
        settings: How often each is tried.

    Returns:
        What became of each, in order.

    Raises:
        KeyboardInterrupt: The user stopped the work; what was loaded is kept and will be resumed.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    stop = Event()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with (
        Progress(*columns, TransferSpeedColumn()) as progress,
        ThreadPoolExecutor(max_workers=at_once) as pool,
    ):
        chosen = settings or RetrySettings()
        work = [pool.submit(_fetch, entry, output, chosen, stop, progress) for entry in entries]
        try:
            return [one.result() for one in work]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(
    entry: ManifestEntry, output: Path, settings: RetrySettings, stop: Event, progress: Progress
) -> Fetched:
    partial = output / f".{entry.name}.part"
    link = direct_link(entry.link)
    task = progress.add_task(entry.name, total=None, visible=False)

    def show(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total, visible=True)

    videos: list[VideoFile] = []

    def check() -> None:
        try:
            videos.append(_probe(partial))
        except InputError as error:
            # The part is gone by the time that anybody reads its name.
            raise InputError(str(error).removeprefix(f"{partial}: ")) from error

    try:
        with _alone(partial.with_name(f"{partial.name}.lock"), stop):
            found = _good_file(output, entry.name)
            if found is not None:
                forget(partial)
                return _fetched(found.path, found.duration_s, "there already")
            if entry.complaint:
                raise InputError(entry.complaint)
            loaded = download(link, partial, check, settings, stop, show)
            path = output / f"{entry.name}{_ending(link, loaded.content_type)}"
            os.replace(partial, path)
            forget(partial)
    except Interrupted:
        return Fetched(entry.name, "missing", 0, 0.0, "interrupted; fetch again to resume")
    except OSError as error:
        reason = f"{error.strerror or error}; what was loaded is kept, fix this and fetch again"
        return Fetched(entry.name, "missing", 0, 0.0, reason)
    except InputError as error:
        return Fetched(entry.name, "missing", 0, 0.0, str(error))
    finally:
        progress.remove_task(task)
    state = "resumed" if loaded.resumed else "fetched"
    return _fetched(path, videos[-1].duration_s, state)


@contextmanager
def _alone(path: Path, stop: Event) -> Iterator[None]:
    """Wait until no other run works on the file."""
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            if stop.is_set():
                raise Interrupted from None
    with lock:
        lock.release()
        yield
        # Only now that the file is there: a run that waited for this lock finds nothing left to do.
        # Windows removes no file that is open; filelock does so there on release.
        with suppress(PermissionError):
            path.unlink(missing_ok=True)


def _good_file(output: Path, name: str) -> VideoFile | None:
    for path in (output / f"{name}{ending}" for ending in VIDEO_ENDINGS):
        if path.is_file():
            with suppress(InputError):
                return _probe(path)
    return None


def _probe(path: Path) -> VideoFile:
    """A video, if it is whole.

    Raises:
        InputError: It is cut, or none.
    """
    with path.open("rb") as file:
        start = file.read(256).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise InputError("a web page came instead of a video; open the link in a browser")
    video = probe_video(path)
    if video.complaint is not None:
        raise InputError(video.complaint)
    return video


def _ending(link: str, content_type: str) -> str:
    """Of the file: as the link has it, else as the server says, else .mp4."""
    ending = PurePosixPath(unquote(urlsplit(link).path)).suffix.lower()
    return ending if ending in VIDEO_ENDINGS else _ENDINGS.get(content_type, ".mp4")


def _fetched(path: Path, duration_s: float, state: str) -> Fetched:
    return Fetched(path.name, state, path.stat().st_size, duration_s, "")
