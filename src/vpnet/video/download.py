"""Getting videos: many at a time, resumed where they broke off, each probed before it counts.

requests, tenacity and urllib3 do the transfer, the retries and the dates. That a part is only
continued with bytes of the same file (If-Range, and the marks of the answer) is done here, since
no library does it (docs/LOG.md).
"""

import json
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from threading import Event
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import requests
from filelock import FileLock, Timeout
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from vpnet.errors import InputError
from vpnet.studies.video_durations import VIDEO_ENDINGS
from vpnet.video.manifest import ManifestEntry, direct_link
from vpnet.video.video_file import VideoFile, probe_video
from vpnet.whole_files import write_text

_PIECE_BYTES = 1 << 18
_LONGEST_WAIT_S = 120.0
_RETRIED_STATUS = (408, 425, 429, 500, 502, 503, 504)
_MARKS = ("ETag", "Last-Modified")
"""Headers that identify one state of a file, the better first."""

_WEB_PAGES = ("text/html", "application/xhtml+xml", "application/json")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")

_ENDINGS = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
}

Report = Callable[[int, int | None], None]
"""Called with the bytes that are there and those that there will be, if known."""


class Interrupted(Exception):
    """The user stopped the work; what was loaded is kept."""


class DownloadError(InputError):
    """A file cannot be had, and trying again would not help."""


class PassingError(DownloadError):
    """A failure that may not happen the next time.

    Args:
        message: What happened.
        wait_s: How long the server requests to wait, or None.
    """

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class RetrySettings(NamedTuple):
    """How often a download is tried."""

    retries: int
    """Further tries after the first."""
    wait_s: float
    """Before the second try; it doubles with each, and varies at random by half."""
    timeout_s: float
    """Of silence until a connection counts as lost."""


class Downloaded(NamedTuple):
    """A finished download."""

    content_type: str
    """As the server names it, in lower case, without parameters."""
    resumed: bool
    """Whether a part that an earlier run left was continued."""


def download(
    link: str,
    partial: Path,
    check: Callable[[], None],
    settings: RetrySettings,
    stop: Event,
    report: Report,
) -> Downloaded:
    """Load a file into ``partial``, resuming what is in it where the server vouches for it.

    Args:
        link: Address of the file itself.
        partial: Where it grows, with a note next to it of what it is a part of.
        check: Called when all has come; raises InputError where it is no good.
        settings: How often to try.
        stop: When set, the work ends at once.
        report: Called after every piece.

    Raises:
        DownloadError: It cannot be had; what came is kept where it can be resumed.
        Interrupted: ``stop`` was set.
        OSError: It cannot be written.
    """
    was_there = _loaded(link, partial)[0] > 0

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        requested_s = error.wait_s if isinstance(error, PassingError) else None
        own_s = settings.wait_s * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.5)
        return min(_LONGEST_WAIT_S, max(own_s, requested_s or 0.0))

    tries = Retrying(
        retry=retry_if_exception_type(PassingError),
        stop=stop_after_attempt(settings.retries + 1) | stop_when_event_set(stop),
        wait=wait,
        sleep=sleep_using_event(stop),
        reraise=True,
    )
    with requests.Session() as session:

        def attempt() -> _Answer:
            if stop.is_set():
                raise Interrupted
            answer = _transfer(session, link, partial, settings.timeout_s, stop, report)
            _check_whole(partial, answer.total, check)
            return answer

        answer = tries(attempt)
    return Downloaded(answer.content_type, was_there and answer.start > 0)


def forget(partial: Path) -> None:
    """Remove what was loaded of a file."""
    partial.unlink(missing_ok=True)
    _note(partial).unlink(missing_ok=True)


class _Answer(NamedTuple):
    content_type: str
    start: int
    """First byte."""
    total: int | None
    """Bytes of the whole file, if known."""


def _transfer(
    session: requests.Session,
    link: str,
    partial: Path,
    timeout_s: float,
    stop: Event,
    report: Report,
) -> _Answer:
    """Send one request and append what comes."""
    start, validator = _loaded(link, partial)
    headers = {"Accept-Encoding": "identity"}
    if start > 0:
        # The server sends all of it anew if it is not the same file any more.
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    try:
        with session.get(link, headers=headers, stream=True, timeout=timeout_s) as response:
            answer = _read_headers(response, start, partial)
            marks = [response.headers[name] for name in _MARKS if response.headers.get(name)]
            # Some servers send a part of whatever file they have now, whatever If-Range says.
            if answer.start > 0 and marks and validator not in marks:
                forget(partial)
                raise PassingError("the file changed on the server meanwhile; from the start")
            done = answer.start
            with partial.open("ab" if done > 0 else "wb") as file:
                if done == 0:
                    # After the file was emptied: the new mark must never belong to old bytes.
                    note = {"link": link, "validator": marks[0] if marks else ""}
                    write_text(_note(partial), json.dumps(note))
                report(done, answer.total)
                # Not iter_content: it would drop what came before the connection was cut.
                while piece := response.raw.read1(_PIECE_BYTES):
                    file.write(piece)
                    done += len(piece)
                    report(done, answer.total)
                    if stop.is_set():
                        raise Interrupted
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise DownloadError(f"the link is none: {error}") from error
    except (requests.RequestException, HTTPError) as error:
        raise PassingError(f"the connection failed ({type(error).__name__})") from error
    return answer


def _read_headers(response: requests.Response, wanted: int, partial: Path) -> _Answer:
    """What the server sends, from which byte on, and how long the whole file is."""
    status = response.status_code
    if status == 416:
        forget(partial)
        raise PassingError("the server has less than was loaded before; from the start")
    if status in _RETRIED_STATUS:
        wait_s = None
        with suppress(InvalidHeader):
            # The header gives seconds or a date.
            wait_s = Retry().parse_retry_after(response.headers.get("Retry-After", ""))
        raise PassingError(f"the server answers {status} {response.reason}", wait_s)
    if status not in (200, 206):
        raise DownloadError(
            f"the server answers {status} {response.reason}; check the link in a browser"
        )
    content_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if content_type in _WEB_PAGES:
        raise DownloadError(
            f"a web page came instead of a video ({content_type}); open the link in a browser: "
            "the video may be gone, or the page may require an answer"
        )
    if status == 200:
        length = response.headers.get("Content-Length", "")
        return _Answer(content_type, 0, int(length) if length.isdecimal() else None)
    span = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if span is None or span.group(1) is None or int(span.group(1)) != wanted:
        raise PassingError(f"the server answers with other bytes than those from {wanted:,} on")
    return _Answer(content_type, wanted, int(span.group(2)) if span.group(2) != "*" else None)


def _check_whole(partial: Path, total: int | None, check: Callable[[], None]) -> None:
    size = partial.stat().st_size
    if total is not None and size != total:
        if size > total:
            forget(partial)
        raise PassingError(f"the connection ended after {size:,} of {total:,} bytes")
    try:
        check()
    except InputError as error:
        # Whole or not, there is nothing to resume.
        forget(partial)
        if total is None:
            raise PassingError(f"the server does not say how long the file is; {error}") from error
        raise DownloadError(str(error)) from error


def _note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _loaded(link: str, partial: Path) -> tuple[int, str]:
    """Bytes that can be resumed, and the mark of the file that they are of."""
    try:
        note = json.loads(_note(partial).read_text(encoding="utf-8"))
        validator, size = str(note["validator"]), partial.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""
    # A weak mark does not promise the same bytes.
    if note["link"] != link or not validator or validator.startswith("W/"):
        return 0, ""
    return size, validator


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
    entries: Sequence[ManifestEntry], output: str | Path, at_once: int, settings: RetrySettings
) -> list[Fetched]:
    """Load what is missing in a folder, which is made where it is missing.

    A file that is there and can be decoded is left alone; one that cannot is loaded anew, and
    replaced when the new one is good. Several runs on a folder wait for each other file by file.

    Args:
        entries: What is wanted.
        output: The folder.
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
        work = [pool.submit(_fetch, entry, output, settings, stop, progress) for entry in entries]
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
        state = "resumed" if loaded.resumed else "fetched"
        return _fetched(path, videos[-1].duration_s, state)
    except Interrupted:
        reason = "interrupted; fetch again to resume"
    except OSError as error:
        reason = f"{error.strerror or error}; what was loaded is kept, fix this and fetch again"
    except InputError as error:
        reason = str(error)
    finally:
        progress.remove_task(task)
    return Fetched(entry.name, "missing", 0, 0.0, reason)


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
    """A video; an InputError where it is cut, or none."""
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
