"""`vpnet fetch` against a folder that a server on this machine serves."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from vpnet.cli.app import app
from vpnet.errors import InputError
from vpnet.video.video_file import video_writer


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    """Of a server of one video, v.mp4."""
    with video_writer(tmp_path / "served" / "v.mp4", 64, 32, 10.0) as add:
        for _ in range(4):
            add(torch.zeros(3, 32, 64, dtype=torch.uint8))
    handler = partial(QuietHandler, directory=str(tmp_path / "served"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path) -> Callable[..., Result]:
    """Function that writes a list and runs the command on it."""

    def run(text: str, *settings: object) -> Result:
        manifest = tmp_path / "videos.csv"
        manifest.write_text(text)
        output = f"output={tmp_path / 'videos'}"
        arguments = ["fetch", str(manifest), output, "--wait-s", "0", *map(str, settings)]
        return CliRunner().invoke(app, arguments)

    return run


def test_everything_there_ends_with_0(fetch, address, tmp_path):
    ended = fetch(f"name,link\nbeach,{address}/v.mp4\n")
    assert ended.exit_code == 0
    assert "beach.mp4" in ended.output
    assert "fetched" in ended.output
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["beach.mp4"]


def test_something_missing_ends_with_1_and_says_why(fetch, address):
    ended = fetch(f"name,link\nbeach,{address}/v.mp4\nstreet,{address}/none.mp4\n")
    assert ended.exit_code == 1
    assert "street: the server answers 404" in ended.output
    assert "beach.mp4" in ended.output


def test_what_is_wrong_is_refused_before_anything_is_loaded(fetch, address, tmp_path):
    text = f"name,link\nbeach,{address}/v.mp4\n"
    for settings in (("--at-once", 0), ("--retries", -1), ("--timeout-s", 0)):
        assert isinstance(fetch(text, *settings).exception, InputError)
    assert isinstance(fetch("name,link\nbeach,v.mp4\n").exception, InputError)
    assert not Path(tmp_path / "videos").exists()
