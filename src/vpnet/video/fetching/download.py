"""One file from one address: resumed where it broke off, tried again where that may help."""

import json
import random
import re
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event
from typing import NamedTuple

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set
from urllib3.exceptions import HTTPError

from vpnet.errors import InputError
from vpnet.whole_files import write_text

_PIECE_BYTES = 1 << 18
_LONGEST_WAIT_S = 120.0
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_MARKS = ("ETag", "Last-Modified")
"""What tells one state of a file from another, the better first."""

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


class Interrupted(Exception):
    """The user stopped the work; what was loaded is kept."""


class DownloadError(InputError):
    """A file cannot be had, and trying again would not help."""


class PassingError(DownloadError):
    """A failure that may not happen the next time.

    Args:
        message: What happened.
        wait_s: How long the server asks to wait, or None.
    """

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Settings(NamedTuple):
    """How downloads behave."""

    retries: int = 5
    """Further tries after the first."""
    wait_s: float = 1.0
    """Before the second try; it doubles with each, and varies at random by half."""
    timeout_s: float = 30.0
    """Of silence until a connection counts as lost."""


class Downloaded(NamedTuple):
    """What came."""

    content_type: str
    """As the server names it, in lower case, without parameters."""
    resumed: bool
    """Whether a part that an earlier run left was gone on with."""


def download(
    link: str,
    partial: Path,
    check: Callable[[], None],
    settings: Settings,
    stop: Event,
    progress: Callable[[int, int | None], None],
) -> Downloaded:
    """Load a file into ``partial``, going on with what is in it where the server vouches for it.

    Args:
        link: Address of the file itself.
        partial: Where it grows; a note of what it is a part of lies beside it.
        check: Called when all has come; raises InputError where it is no good.
        settings: How often to try, and how long to wait.
        stop: When set, the work ends at once.
        progress: Called with the bytes that are there and those that there will be, if known.

    Raises:
        DownloadError: It cannot be had; what came is kept where it can be gone on with.
        Interrupted: ``stop`` was set.
        OSError: It cannot be written.
    """
    was_there = _loaded(link, partial)[0] > 0

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked_s = error.wait_s if isinstance(error, PassingError) else None
        own_s = settings.wait_s * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.5)
        return min(_LONGEST_WAIT_S, max(own_s, asked_s or 0.0))

    tries = Retrying(
        retry=retry_if_exception_type(PassingError),
        stop=stop_after_attempt(settings.retries + 1) | stop_when_event_set(stop),
        wait=wait,
        sleep=sleep_using_event(stop),
        reraise=True,
    )
    with requests.Session() as session:
        content_type, start = tries(
            _try_once, session, link, partial, check, settings, stop, progress
        )
    return Downloaded(content_type, was_there and start > 0)


def forget(partial: Path) -> None:
    """Remove what was loaded of a file."""
    partial.unlink(missing_ok=True)
    _note(partial).unlink(missing_ok=True)


def _try_once(
    session: requests.Session,
    link: str,
    partial: Path,
    check: Callable[[], None],
    settings: Settings,
    stop: Event,
    progress: Callable[[int, int | None], None],
) -> tuple[str, int]:
    """One request and its check; gives the type, and at which byte the answer began."""
    if stop.is_set():
        raise Interrupted
    try:
        content_type, start, total = _transfer(
            session, link, partial, settings.timeout_s, stop, progress
        )
    except (requests.RequestException, HTTPError) as error:
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
            raise DownloadError(f"the link is none: {error}") from error
        raise PassingError(f"the connection failed ({type(error).__name__})") from error
    size = partial.stat().st_size
    if total is not None and size != total:
        if size > total:
            forget(partial)
        raise PassingError(f"the connection ended after {size:,} of {total:,} bytes")
    try:
        check()
    except InputError as error:
        # Whole or not, there is nothing to go on with.
        forget(partial)
        if total is None:
            raise PassingError(f"the server does not say how long the file is; {error}") from error
        raise DownloadError(str(error)) from error
    return content_type, start


def _transfer(
    session: requests.Session,
    link: str,
    partial: Path,
    timeout_s: float,
    stop: Event,
    progress: Callable[[int, int | None], None],
) -> tuple[str, int, int | None]:
    """One request; gives the type, where the answer began, and the size of the whole file."""
    start, validator = _loaded(link, partial)
    headers = {"Accept-Encoding": "identity"}
    if start > 0:
        # The server sends all of it anew if it is not the same file any more.
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with session.get(link, headers=headers, stream=True, timeout=timeout_s) as answer:
        if answer.status_code == 416:
            forget(partial)
            raise PassingError("the server has less than was loaded before; from the start")
        _check_answer(answer)
        content_type = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if content_type in ("text/html", "application/xhtml+xml", "application/json"):
            raise DownloadError(
                f"a web page came instead of a video ({content_type}); open the link in a browser: "
                "it may be gone, or ask for something"
            )
        start, total = _span(answer, start)
        marks = [answer.headers[name] for name in _MARKS if answer.headers.get(name)]
        # Some servers send a part of whatever file they have now, whatever If-Range says.
        if start > 0 and marks and validator not in marks:
            forget(partial)
            raise PassingError("the file changed on the server meanwhile; from the start")
        done = start
        with partial.open("ab" if start > 0 else "wb") as file:
            if start == 0:
                # After the file was emptied: the new mark must never stand beside old bytes.
                note = {"link": link, "validator": marks[0] if marks else ""}
                write_text(_note(partial), json.dumps(note))
            progress(done, total)
            # Not iter_content: it would drop what came of a piece before the connection was cut.
            while piece := answer.raw.read1(_PIECE_BYTES):
                file.write(piece)
                done += len(piece)
                progress(done, total)
                if stop.is_set():
                    raise Interrupted
    return content_type, start, total


def _check_answer(answer: requests.Response) -> None:
    status = answer.status_code
    if status in _TRY_AGAIN:
        wait_s = _asked_wait_s(answer.headers.get("Retry-After", ""))
        raise PassingError(f"the server answers {status} {answer.reason}", wait_s)
    if status not in (200, 206):
        raise DownloadError(
            f"the server answers {status} {answer.reason}; check the link in a browser"
        )


def _asked_wait_s(retry_after: str) -> float | None:
    """What a server asks for in seconds, or as the date until when."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return (until - datetime.now(timezone.utc)).total_seconds()


def _span(answer: requests.Response, asked: int) -> tuple[int, int | None]:
    """At which byte the answer begins, and how long the whole file is."""
    if answer.status_code == 200:
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    span = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if span is None or span.group(1) is None or int(span.group(1)) != asked:
        raise PassingError(f"the server answers with other bytes than those from {asked:,} on")
    return asked, int(span.group(2)) if span.group(2) != "*" else None


def _note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _loaded(link: str, partial: Path) -> tuple[int, str]:
    """Bytes that can be gone on with, and what tells the server which file they are of."""
    try:
        note = json.loads(_note(partial).read_text(encoding="utf-8"))
        validator, size = str(note["validator"]), partial.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""
    # A weak mark does not promise the same bytes.
    if note["link"] != link or not validator or validator.startswith("W/"):
        return 0, ""
    return size, validator
