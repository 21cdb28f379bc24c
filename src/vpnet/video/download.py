"""One file from one address: resumed where it broke off, retried where that may help.

requests, tenacity and urllib3 do the transfer, the retries and the dates. That a part is only
continued with bytes of the same file (If-Range, and the marks of the answer) is done here, since
no library does it (docs/LOG.md).
"""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NamedTuple

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from vpnet.errors import InputError
from vpnet.whole_files import write_text

_PIECE_BYTES = 1 << 18
_LONGEST_WAIT_S = 120.0
_RETRIED_STATUS = (408, 425, 429, 500, 502, 503, 504)
_MARKS = ("ETag", "Last-Modified")
"""Headers that identify one state of a file, the better first."""

_WEB_PAGES = ("text/html", "application/xhtml+xml", "application/json")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")

Progress = Callable[[int, int | None], None]
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

    retries: int = 5
    """Further tries after the first."""
    wait_s: float = 1.0
    """Before the second try; it doubles with each, and varies at random by half."""
    timeout_s: float = 30.0
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
    progress: Progress,
) -> Downloaded:
    """Load a file into ``partial``, resuming what is in it where the server vouches for it.

    Args:
        link: Address of the file itself.
        partial: Where it grows, with a note next to it of what it is a part of.
        check: Called when all has come; raises InputError where it is no good.
        settings: How often to try, and how long to wait.
        stop: When set, the work ends at once.
        progress: Called after every piece.

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
            answer = _transfer(session, link, partial, settings.timeout_s, stop, progress)
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
    progress: Progress,
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
                progress(done, answer.total)
                # Not iter_content: it would drop what came before the connection was cut.
                while piece := response.raw.read1(_PIECE_BYTES):
                    file.write(piece)
                    done += len(piece)
                    progress(done, answer.total)
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
        wait_s = _requested_wait_s(response.headers.get("Retry-After", ""))
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


def _requested_wait_s(retry_after: str) -> float | None:
    """Seconds from a Retry-After header, which gives them or a date."""
    try:
        return Retry().parse_retry_after(retry_after)
    except InvalidHeader:
        return None


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
