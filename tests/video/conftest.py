"""Numbered videos, and a server on this machine that misbehaves as servers do."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vpnet.video.video_file import video_writer

WIDTH, HEIGHT = 256, 128


def numbered_frame(number: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """Grey, with the number in binary: eight bright or dark fields in the upper half."""
    frame = torch.full((3, height, width), 90, dtype=torch.uint8)
    side = width // 8
    for bit in range(8):
        value = 220 if number >> bit & 1 else 20
        frame[:, : height // 2, bit * side : (bit + 1) * side] = value
    frame[0, height * 3 // 4 :] = 200
    return frame


def number_of(frame: Tensor) -> int:
    """What `numbered_frame` wrote."""
    height, width = frame.shape[-2:]
    side = width // 8
    fields = frame[:, height // 8 : height * 3 // 8].float().mean((0, 1)).unflatten(0, (8, side))
    return sum(1 << bit for bit, bright in enumerate(fields.mean(1) > 120) if bright)


def turn(path: Path, degrees: int) -> Path:
    """Write a rotation into the header of an mp4 file's track."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    for place, value in ((0, cosine), (4, sine), (12, -sine), (16, cosine)):
        content[at + place : at + place + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """Function that writes a video of numbered frames."""

    def make(
        path: Path,
        frames: int = 40,
        *,
        rate_hz: float = 30.0,
        times_s: Sequence[float] | None = None,
        width: int = WIDTH,
        height: int = HEIGHT,
        rotation_deg: int = 0,
        keyframe_distance: int = 12,
    ) -> Path:
        with video_writer(path, width, height, rate_hz, keyframe_distance) as add:
            for number in range(frames):
                time_s = None if times_s is None else times_s[number]
                add(numbered_frame(number, height, width), time_s)
        return turn(path, rotation_deg) if rotation_deg else path

    return make


@pytest.fixture(scope="session")
def read_number() -> Callable[[Tensor], int]:
    """Function that reads the number that a frame shows."""
    return number_of


UNEVEN_S = [0.01 * number**1.3 for number in range(30)]


@pytest.fixture(scope="session")
def videos(make_video, tmp_path_factory) -> dict[str, Path]:
    """Whole videos by what is special about them; not to be written to."""
    folder = tmp_path_factory.mktemp("videos")
    return {
        "plain": make_video(folder / "plain.mp4"),
        "odd_rate": make_video(folder / "odd_rate.mp4", rate_hz=24000 / 1001),
        "uneven": make_video(folder / "uneven.mp4", 30, times_s=UNEVEN_S),
        "upside_down": make_video(folder / "upside_down.mp4", 20, rotation_deg=180),
        "long_gop": make_video(folder / "long_gop.mp4", 90, keyframe_distance=250),
    }


@pytest.fixture
def damaged(videos, make_video, tmp_path) -> Callable[[str], Path]:
    """Function that makes a damaged file by the name of its damage."""
    plain = videos["plain"].read_bytes()

    def make(kind: str) -> Path:
        path = tmp_path / f"{kind}.mp4"
        if kind == "not_equirectangular":
            return make_video(path, 5, width=320, height=180)
        if kind == "on_its_side":
            return make_video(path, 5, rotation_deg=90)
        if kind == "sound_only":
            return _write_sound(path)
        index, media = plain.index(b"moov") - 4, plain.index(b"mdat") - 4
        no_index = plain[:index] + plain[media:]
        middle = plain.index(b"mdat") + (len(plain) - plain.index(b"mdat")) // 2
        content = {
            "empty": b"",
            "noise": bytes((7 * at * at + at // 3) % 256 for at in range(5000)),
            "web_page": b"<!DOCTYPE html><html>Sign in</html>" * 50,
            "no_index": no_index,
            "cut": plain[:middle],
            "overwritten": plain[:middle] + bytes(len(plain) - middle),
        }
        path.write_bytes(content[kind])
        return path

    return make


def _write_sound(path: Path) -> Path:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 44100
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return path


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

    def ranges(self, path: str) -> list[str | None]:
        """The Range of each request for a path."""
        return [span for requested, span in self.requests if requested == f"/{path}"]


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
        """The whole, or the requested part where the request knows the same file."""
        wanted = self.headers.get("Range")
        heedless = self.path.startswith("/heedless")
        if wanted is None or not (heedless or self.headers.get("If-Range") == self.server.etag):
            return self.answer(200, content)
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
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
    with video_writer(path, 128, 64, 30.0) as add:
        for _ in range(15):
            noise = torch.randint(0, 255, (3, 64, 128), generator=generator)
            add(noise.to(torch.uint8))
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
