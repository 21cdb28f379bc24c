import time
from pathlib import Path
from threading import Event, Timer

import pytest

from vpnet.errors import InputError
from vpnet.video.download import (
    Downloaded,
    DownloadError,
    Interrupted,
    PassingError,
    RetrySettings,
    download,
)

FAST = RetrySettings(retries=3, wait_s=0.001, timeout_s=1.0)


@pytest.fixture
def load(server, tmp_path):
    """Function that downloads a path of the server."""

    def load(
        path: str, settings: RetrySettings = FAST, check=lambda: None, stop=None
    ) -> Downloaded:
        link = server.link(path)
        partial = tmp_path / "v.part"
        return download(link, partial, check, settings, stop or Event(), lambda *_: None)

    return load


@pytest.fixture
def partial(tmp_path) -> Path:
    return tmp_path / "v.part"


def test_a_file_comes_whole(load, server, partial):
    assert load("fine.mp4") == Downloaded("", False)
    assert partial.read_bytes() == server.content


def test_a_cut_connection_is_resumed(load, server, partial):
    load("cut.mp4")
    assert partial.read_bytes() == server.content
    assert server.ranges("cut.mp4") == [None, f"bytes={len(server.content) // 2}-"]


def test_a_later_run_resumes_too(load, server, partial):
    with pytest.raises(PassingError, match="ended after|connection failed"):
        load("cut.mp4", FAST._replace(retries=0))
    assert 0 < partial.stat().st_size < len(server.content)
    assert load("cut.mp4").resumed
    assert partial.read_bytes() == server.content


def test_a_file_that_changed_meanwhile_begins_anew(load, server, partial):
    with pytest.raises(PassingError):
        load("cut.mp4", FAST._replace(retries=0))
    server.etag, server.content = '"second"', server.content[::-1]
    assert not load("cut.mp4").resumed
    assert partial.read_bytes() == server.content
    assert server.ranges("cut.mp4")[1].startswith("bytes=")


def test_parts_of_two_files_are_not_put_together(load, server, partial):
    """A server that heeds Range but not If-Range sends the rest of the new file."""
    with pytest.raises(PassingError):
        load("heedless.mp4", FAST._replace(retries=0))
    server.etag, server.content = '"second"', server.content[::-1]
    assert not load("heedless.mp4").resumed
    assert partial.read_bytes() == server.content
    first, second, third = server.ranges("heedless.mp4")
    assert first is None
    assert second.startswith("bytes=")
    assert third is None


def test_what_another_link_left_is_not_resumed(load, server, partial):
    with pytest.raises(PassingError):
        load("cut.mp4", FAST._replace(retries=0))
    assert not load("fine.mp4").resumed
    assert server.ranges("fine.mp4") == [None]
    assert partial.read_bytes() == server.content


def test_a_server_without_ranges_begins_anew(load, server, partial):
    load("stubborn.mp4")
    assert partial.read_bytes() == server.content
    assert len(server.ranges("stubborn.mp4")) == 2


def test_a_part_longer_than_the_file_begins_anew(load, server, partial):
    with pytest.raises(PassingError):
        load("cut.mp4", FAST._replace(retries=0))
    partial.write_bytes(bytes(2 * len(server.content)))
    load("cut.mp4")
    assert partial.read_bytes() == server.content


def test_errors_of_the_server_are_tried_again(load, server, partial):
    load("busy.mp4")
    assert len(server.ranges("busy.mp4")) == 3
    assert partial.read_bytes() == server.content


def test_the_server_says_how_long_to_wait(load, server):
    for path in ("patience.mp4", "appointment.mp4"):
        start = time.perf_counter()
        load(path)
        # A date has no fractions of a second.
        assert time.perf_counter() - start >= 0.9
        assert len(server.ranges(path)) == 2


def test_errors_that_last_are_named(load, server):
    with pytest.raises(DownloadError, match="the server answers 500"):
        load("broken.mp4")
    assert len(server.ranges("broken.mp4")) == 4
    with pytest.raises(DownloadError, match="the server answers 404 Not Found; check the link"):
        load("missing.mp4")
    assert len(server.ranges("missing.mp4")) == 1, "what is gone is not requested again"
    with pytest.raises(DownloadError, match="a web page came instead of a video"):
        load("page.mp4")


def test_nobody_there(tmp_path):
    with pytest.raises(DownloadError, match="the connection failed"):
        download(
            "http://127.0.0.1:9/v.mp4",
            tmp_path / "v.part",
            lambda: None,
            FAST._replace(retries=1),
            Event(),
            lambda *_: None,
        )


def test_silence_counts_as_a_lost_connection(load, server, partial):
    with pytest.raises(PassingError, match="the connection failed"):
        load("slow.mp4", RetrySettings(0, 0.0, 0.3))
    assert partial.stat().st_size == len(server.content) // 2


def test_what_fails_the_check_is_not_kept(load, partial):
    def refuse() -> None:
        raise InputError("it is no video")

    with pytest.raises(DownloadError, match="it is no video"):
        load("fine.mp4", check=refuse)
    assert not partial.exists()


def test_it_can_be_stopped_and_resumed(server, load, partial):
    stop = Event()

    def stop_amid(done: int, total: int | None) -> None:
        if done > 0:
            stop.set()

    link = server.link("cut.mp4")
    with pytest.raises(Interrupted):
        download(link, partial, lambda: None, FAST, stop, stop_amid)
    assert partial.stat().st_size > 0
    assert load("cut.mp4").resumed
    assert partial.read_bytes() == server.content


def test_a_wait_can_be_stopped(load, server):
    stop = Event()
    Timer(0.5, stop.set).start()
    with pytest.raises(Interrupted):
        load("broken.mp4", RetrySettings(5, 60.0, 1.0), stop=stop)
    assert len(server.ranges("broken.mp4")) == 1
