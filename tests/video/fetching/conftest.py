"""A server on this machine that serves videos and misbehaves as servers do."""

import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from vpnet.video.encoding import VideoWriter


class Server(ThreadingHTTPServer):
    """Serves ``content`` in the way that a path names, and notes every request."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.etag = '"first"'
        self.requests: list[tuple[str, str | None]] = []

    def link(self, path: str) -> str:
        """Address of a path."""
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def asked(self, path: str) -> list[str | None]:
        """The Range of each request for a path."""
        return [span for asked, span in self.requests if asked == f"/{path}"]


class Handler(BaseHTTPRequestHandler):
    """Behaves as the first word of the path says."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        """Answer."""
        times = len([path for path, _ in self.server.requests if path == self.path])
        self.server.requests.append((self.path, self.headers.get("Range")))
        kind = self.path.strip("/").split(".")[0].split("/")[0]
        content = self.server.content
        half = len(content) // 2
        if kind == "missing":
            return self.answer(404, b"gone")
        if kind == "broken" or (kind == "busy" and times < 2):
            return self.answer(500, b"later")
        if kind == "patience" and times < 1:
            return self.answer(429, b"later", {"Retry-After": "1"})
        if kind == "appointment" and times < 1:
            return self.answer(503, b"later", {"Retry-After": formatdate(time.time() + 2)})
        if kind == "page":
            return self.answer(200, b"<html>sign in</html>", {"Content-Type": "text/html"})
        if kind == "disguised":
            return self.answer(200, b"<!DOCTYPE html><html>", {"Content-Type": "video/mp4"})
        if kind == "typed":
            return self.answer(200, content, {"Content-Type": "video/webm"})
        if kind == "garbage":
            return self.answer(200, bytes(1000))
        if kind in ("cut", "heedless") and times < 1:
            return self.answer(200, content[:half], {"Content-Length": str(len(content))})
        if kind == "short":
            return self.answer(200, content[:half])
        if kind == "stubborn":
            length = {"Content-Length": str(len(content))}
            return self.answer(200, content if times > 0 else content[:half], length)
        if kind == "slow":
            return self.drip(content)
        return self.span(content)

    def span(self, content: bytes) -> None:
        """The whole, or what the request asks for where it knows the same file."""
        asked = self.headers.get("Range")
        heedless = self.path.startswith("/heedless")
        if asked is None or not (heedless or self.headers.get("If-Range") == self.server.etag):
            return self.answer(200, content)
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            return self.answer(416, b"")
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.answer(206, content[start:], {"Content-Range": span})

    def drip(self, content: bytes) -> None:
        """Half at once, the rest after a long while."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", self.server.etag)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        time.sleep(5)

    def answer(self, code: int, body: bytes, more: dict[str, str] | None = None) -> None:
        """Send a whole answer; where more was promised, the connection is cut."""
        headers = {"Content-Length": str(len(body)), "ETag": self.server.etag, **(more or {})}
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = int(headers["Content-Length"]) != len(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def video_bytes(tmp_path_factory) -> bytes:
    """A short video of noise, long enough to be cut."""
    path: Path = tmp_path_factory.mktemp("served") / "v.mp4"
    generator = torch.Generator().manual_seed(0)
    with VideoWriter(path, 128, 64, 30.0) as writer:
        for _ in range(15):
            noise = torch.randint(0, 255, (3, 64, 128), generator=generator)
            writer.write(noise.to(torch.uint8))
    return path.read_bytes()


@pytest.fixture
def server(video_bytes) -> Iterator[Server]:
    """The server, at work."""
    server = Server(video_bytes)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
