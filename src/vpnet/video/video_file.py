"""Video files: what one holds, found without decoding it, and writing one, H.264 in mp4."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import torch
from av import logging as av_logging
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream
from torch import Tensor

from vpnet.errors import InputError
from vpnet.whole_files import whole_file

ASPECT = 2.0
"""Width over height of an equirectangular image."""

_ASPECT_TOLERANCE = 0.01

_CLOCK_HZ = 90_000
"""Ticks of the file's clock: fine enough for any rate."""


@dataclass(frozen=True)
class VideoFile:
    """A video that can be decoded, at least its start.

    Args:
        path: The file.
        width: Columns of a frame as displayed.
        height: Rows of it.
        rotation_deg: Counter-clockwise turn that the file requires of players: 0, 90, 180 or 270.
        frame_pts: Presentation times in the file's own clock, ascending, ``(frames,)``.
        frame_times_s: Playback times, of the first frame 0, float64, ``(frames,)``.
        keyframes: Numbers of the frames at which decoding can begin, ascending.
        complaint: What is damaged although frames can be read; None for a whole file.
    """

    path: Path
    width: int
    height: int
    rotation_deg: int
    frame_pts: Tensor
    frame_times_s: Tensor
    keyframes: tuple[int, ...]
    complaint: str | None

    @property
    def duration_s(self) -> float:
        """From the first frame to the last, s."""
        return float(self.frame_times_s[-1])


def probe_video(path: str | Path) -> VideoFile:
    """Read a file's index of frames, and decode the first to see that it can be.

    Frames are numbered in the order of their presentation. Those that the file tells players to
    discard (the run-up of an edit list) are left out.

    Raises:
        InputError: The file is missing, empty, not a video, or holds no frame that can be decoded.
    """
    path = Path(path)
    with open_container(path) as container:
        if not container.streams:
            raise InputError(
                f"{path}: is without its index (moov atom): the recording or the download was cut; "
                "get it again"
            )
        if not container.streams.video:
            raise InputError(f"{path}: holds no video stream, only sound or data; check the file")
        stream = container.streams.video[0]
        promised = stream.frames
        shown, cut = _presented(container, stream)
        if not shown:
            raise InputError(
                f"{path}: its video stream holds no frame: the file was cut; get it again"
            )
        pts = torch.tensor(sorted(shown), dtype=torch.long)
        assert stream.time_base is not None
        times_s = (pts - pts[0]).double() * float(stream.time_base)
        rotation_deg = _rotation_deg(path)
        width, height = stream.codec_context.width, stream.codec_context.height
        if rotation_deg in (90, 270):
            width, height = height, width
        complaint = None
        if promised > len(pts) or cut is not None:
            complaint = (
                f"{path}: was cut: {len(pts)} of {max(promised, len(pts))} frames are there "
                f"({float(times_s[-1]):.1f} s); get it again"
            )
        return VideoFile(
            path,
            width,
            height,
            rotation_deg,
            pts,
            times_s,
            tuple(at for at, time in enumerate(pts.tolist()) if shown[time]),
            complaint,
        )


def check_equirectangular(video: VideoFile) -> None:
    """Raise an InputError where a video is not twice as wide as high, within 1 %."""
    if abs(video.width / video.height - ASPECT) > _ASPECT_TOLERANCE * ASPECT:
        raise InputError(
            f"{video.path}: an equirectangular video is twice as wide as high, this one is "
            f"{video.width} x {video.height}; stereoscopic or projected videos must be converted "
            "first"
        )


def open_container(path: Path) -> InputContainer:
    """Open a file with PyAV; an InputError where it is missing, empty, or no video."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty (0 bytes); get it again")
    # What the library would print is in the messages.
    av_logging.set_level(None)
    try:
        return av.open(str(path))
    except FFmpegError as error:
        with path.open("rb") as file:
            start = file.read(512).lstrip().lower()
        if start.startswith((b"<!doctype", b"<html", b"<?xml")):
            found = "it is a web page"
        elif b"ftyp" in start[:16]:
            found = "an mp4 without its index (moov atom): the recording or the download was cut"
        else:
            found = "not a video that ffmpeg knows"
        raise InputError(f"{path}: {found} ({error.strerror}); get it again") from error


def _presented(
    container: InputContainer, stream: VideoStream
) -> tuple[dict[int, bool], FFmpegError | None]:
    """Presentation times with whether decoding can begin there, and the error that ended them."""
    shown: dict[int, bool] = {}
    try:
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size > 0 and not packet.is_discard:
                shown[packet.pts] = packet.is_keyframe
    except FFmpegError as error:
        return shown, error
    return shown, None


def _rotation_deg(path: Path) -> int:
    with open_container(path) as container:
        try:
            frame = next(container.decode(video=0), None)
        except FFmpegError as error:
            raise InputError(
                f"{path}: its first frame cannot be decoded ({error.strerror}); get it again"
            ) from error
        if frame is None:
            raise InputError(f"{path}: no frame of it can be decoded; get it again")
        return round(frame.rotation) % 360


@contextmanager
def video_writer(
    path: str | Path, width: int, height: int, rate_hz: float, keyframe_distance: int = 60
) -> Iterator[Callable[..., None]]:
    """Write a video, whole or not at all.

    Args:
        path: File to write, ending in .mp4.
        width: Columns, even.
        height: Rows, even.
        rate_hz: Frames per second, where frames come without times.
        keyframe_distance: Frames from one keyframe to the next, at most.

    Yields:
        Function that adds a frame, RGB, uint8, ``(3, height, width)``; and its playback time, later
        than the last, by default the next of the rate.

    Raises:
        InputError: A setting is none of these, or a frame has another size.
    """
    path = Path(path)
    if path.suffix != ".mp4":
        raise InputError(f"{path}: a film must be named *.mp4; rename the output")
    if width % 2 or height % 2 or min(width, height) <= 0:
        raise InputError(f"{path}: H.264 needs even sizes, got {width} x {height}")
    if not 0 < rate_hz <= 1000:
        raise InputError(f"{path}: rate_hz must be a positive number, got {rate_hz}")
    clock = Fraction(1, _CLOCK_HZ)
    written = count()
    with (
        whole_file(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        rate = Fraction(rate_hz).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18", "g": str(keyframe_distance)}
        stream.codec_context.time_base = clock

        def write(frame: Tensor, time_s: float | None = None) -> None:
            if frame.shape != (3, height, width) or frame.dtype != torch.uint8:
                raise InputError(
                    f"{path}: frames are uint8 of (3, {height}, {width}), got {frame.dtype} of "
                    f"{tuple(frame.shape)}"
                )
            pixels = frame.permute(1, 2, 0).contiguous().cpu().numpy()
            image = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            image.time_base = clock
            number = next(written)
            image.pts = round((number / rate_hz if time_s is None else time_s) * _CLOCK_HZ)
            container.mux(stream.encode(image))

        yield write
        # Not where the block failed: the half-written file must not replace an earlier one.
        container.mux(stream.encode())
