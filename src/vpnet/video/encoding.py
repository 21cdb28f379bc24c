"""Writing videos frame by frame: H.264 in mp4."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.whole_files import whole_file

_CLOCK_HZ = 90_000
"""Ticks of the file's clock: fine enough for any rate."""


class VideoWriter:
    """Writes a video, whole or not at all; used in a with statement.

    Args:
        path: File to write, ending in .mp4.
        width: Columns, even.
        height: Rows, even.
        rate_hz: Frames per second, where frames come without times.
        keyframe_distance: Frames from one keyframe to the next, at most.

    Raises:
        InputError: A setting is none of these.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        rate_hz: float,
        keyframe_distance: int = 60,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix != ".mp4":
            raise InputError(f"{path}: films are written as .mp4; end the name so")
        if width % 2 or height % 2 or min(width, height) <= 0:
            raise InputError(f"{path}: H.264 needs even sizes, got {width} x {height}")
        if not 0 < rate_hz <= 1000:
            raise InputError(f"{path}: rate_hz must be a positive number, got {rate_hz}")
        self.width = width
        self.height = height
        self.rate_hz = rate_hz
        self.keyframe_distance = keyframe_distance
        self._written = 0
        self._stack = ExitStack()

    def __enter__(self) -> "VideoWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(whole_file(self.path))
            options = {"movflags": "+faststart"}
            self._container = stack.enter_context(
                av.open(str(temporary), "w", format="mp4", options=options)
            )
            rate = Fraction(self.rate_hz).limit_denominator(1001)
            self._stream = self._container.add_stream("libx264", rate=rate)
            self._stream.width, self._stream.height = self.width, self.height
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": "18", "g": str(self.keyframe_distance)}
            self._stream.codec_context.time_base = Fraction(1, _CLOCK_HZ)
            self._stack = stack.pop_all()
        return self

    def write(self, frame: Tensor, time_s: float | None = None) -> None:
        """Add a frame, RGB, uint8, ``(3, height, width)``.

        Args:
            frame: The frame.
            time_s: Its playback time, later than the last; by default the next of the rate.

        Raises:
            InputError: The frame has another size.
        """
        if frame.shape != (3, self.height, self.width) or frame.dtype != torch.uint8:
            raise InputError(
                f"{self.path}: frames are uint8 of (3, {self.height}, {self.width}), got "
                f"{frame.dtype} of {tuple(frame.shape)}"
            )
        pixels = frame.permute(1, 2, 0).contiguous().cpu().numpy()
        image = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        image.time_base = Fraction(1, _CLOCK_HZ)
        time_s = self._written / self.rate_hz if time_s is None else time_s
        image.pts = round(time_s * _CLOCK_HZ)
        self._written += 1
        for packet in self._stream.encode(image):
            self._container.mux(packet)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # So that the half-written file does not take the place of an earlier one.
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            for packet in self._stream.encode():
                self._container.mux(packet)
