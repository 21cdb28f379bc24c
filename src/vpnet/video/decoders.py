"""Decoding video frames with torchcodec, decord or PyAV: the fastest that can read the file."""

import tempfile
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from av.error import FFmpegError
from torch import Tensor

from vpnet.errors import InputError
from vpnet.video.torch_companions import companion_complaints, warn_once
from vpnet.video.video_file import VideoFile, open_container, probe_video, video_writer


class DecodingError(InputError):
    """A frame of a video cannot be decoded; those before it were given.

    Args:
        message: What is wrong, and with which file.
        frame: Number of the frame.
    """

    def __init__(self, message: str, frame: int) -> None:
        super().__init__(message)
        self.frame = frame


class TorchcodecUnusable(InputError):
    """torchcodec is installed and does not load."""


class FrameReader(ABC):
    """An open video, which gives frames one at a time, at full size."""

    backend: str
    """What decodes it, and where: ``pyav``, ``decord``, ``torchcodec``, ``torchcodec-cuda``."""
    _failures: tuple[type[Exception], ...]
    """What `_decode` raises where a frame cannot be decoded."""

    def __init__(self, video: VideoFile) -> None:
        """An InputError: the backend is not installed, cannot decode it, or counts otherwise."""
        self._video = video
        self._turns = 0
        """Quarter turns that set a decoded frame upright."""

    def frames(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """Decode frames by their numbers, strictly ascending.

        Yields:
            RGB, uint8, upright, ``(3, height, width)``, on the device of the reader.

        Raises:
            DecodingError: A frame cannot be decoded.
        """
        for index in indices:
            try:
                pixels = self._decode(index)
            except self._failures as error:
                time_s = float(self._video.frame_times_s[index])
                raise DecodingError(
                    f"{self._video.path}: frame {index} at {time_s:.2f} s cannot be decoded "
                    f"({self._reason(error)}); the frames before it are kept; get the file again",
                    index,
                ) from error
            yield torch.rot90(pixels, self._turns, dims=(-2, -1)) if self._turns else pixels

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    @abstractmethod
    def _decode(self, index: int) -> Tensor:
        """One frame as the backend gives it, ``(3, height, width)``."""

    @staticmethod
    def _reason(error: Exception) -> str:
        """The line of an error that says what happened."""
        return (str(error).strip() or repr(error)).splitlines()[0]

    def _check_count(self, frames: int, backend: str) -> None:
        """Refuse a backend that numbers the frames otherwise."""
        if frames != len(self._video.frame_pts):
            raise InputError(
                f"{self._video.path}: {backend} counts {frames} frames, the file has "
                f"{len(self._video.frame_pts)}; use backend=pyav"
            )


class TorchcodecFrames(FrameReader):
    """A video decoded by torchcodec, on the CPU or on a GPU's video decoder."""

    _failures = (RuntimeError, IndexError)

    def __init__(self, video: VideoFile, device: str = "cpu") -> None:
        super().__init__(video)
        decoder = _torchcodec()
        if isinstance(decoder, Exception):
            # A new one each time: raised again, the same would carry all tracebacks before.
            raise type(decoder)(str(decoder))
        self.backend = "torchcodec-cuda" if device.startswith("cuda") else "torchcodec"
        try:
            self._decoder = decoder(str(video.path), device=device, seek_mode="exact")
            frames = len(self._decoder)
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(
                f"{video.path}: torchcodec cannot open it on {device}: {self._reason(error)}"
            ) from error
        # torchcodec 0.11 turns frames upright by itself, and says by how much; 0.10 does neither.
        if not hasattr(self._decoder.metadata, "rotation"):
            self._turns = video.rotation_deg // 90
        self._check_count(frames, "torchcodec")

    def _decode(self, index: int) -> Tensor:
        return self._decoder.get_frame_at(index).data

    def close(self) -> None:
        """Let go of the file."""
        del self._decoder


@cache
def _torchcodec() -> Any:
    """The class or why there is none; found out once, for a failing import takes long each time."""
    if find_spec("torchcodec") is None:
        return InputError("backend=torchcodec: is not installed; pip install 'vpnet[torchcodec]'")
    try:
        from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportPrivateImportUsage]
    except (ImportError, RuntimeError, OSError) as error:
        for complaint in companion_complaints():
            if complaint.startswith("torchcodec"):
                return TorchcodecUnusable(complaint)
        return TorchcodecUnusable(
            f"torchcodec does not load ({FrameReader._reason(error)}): videos are decoded without "
            "it; it needs the shared libraries of ffmpeg (apt install ffmpeg)"
        )
    return VideoDecoder


class DecordFrames(FrameReader):
    """A video decoded by decord. It does not survive a fork: open it where it is read.

    Wheels of the package index decode on the CPU alone.
    """

    def __init__(self, video: VideoFile, device: str = "cpu") -> None:
        super().__init__(video)
        try:
            import decord
        except ImportError as error:
            raise InputError(f"backend=decord: is not installed here ({error})") from error
        decord.bridge.set_bridge("native")
        decord.logging.set_level(decord.logging.QUIET)
        on_gpu = device.startswith("cuda")
        self.backend = "decord-cuda" if on_gpu else "decord"
        context = decord.gpu(0) if on_gpu else decord.cpu(0)
        try:
            self._reader = decord.VideoReader(str(video.path), ctx=context)
            frames = len(self._reader)
        except (decord.DECORDError, RuntimeError) as error:
            raise InputError(
                f"{video.path}: decord cannot open it on {device}: {self._reason(error)}"
            ) from error
        self._check_count(frames, "decord")
        self._failures = (decord.DECORDError, RuntimeError, IndexError)

    def _decode(self, index: int) -> Tensor:
        return torch.from_dlpack(self._reader[index].to_dlpack()).permute(2, 0, 1)

    @staticmethod
    def _reason(error: Exception) -> str:
        """The last line: a trace of C++ comes before it."""
        return (str(error).strip() or repr(error)).splitlines()[-1]

    def close(self) -> None:
        """Let go of the file."""
        del self._reader


class PyavFrames(FrameReader):
    """A video decoded on the CPU by PyAV: ffmpeg's own libraries, on every machine."""

    _failures = (FFmpegError, LookupError, StopIteration)

    def __init__(self, video: VideoFile) -> None:
        super().__init__(video)
        self.backend = "pyav"
        # PyAV gives frames as they are stored.
        self._turns = video.rotation_deg // 90
        self._container = open_container(video.path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._decoded = self._container.decode(self._stream)
        self._next = 0

    def _decode(self, index: int) -> Tensor:
        pts = int(self._video.frame_pts[index])
        if index < self._next or self._keyframe(index) > self._next:
            self._container.seek(pts, stream=self._stream)
            self._decoded = self._container.decode(self._stream)
        frame = next(found for found in self._decoded if found.pts is None or found.pts >= pts)
        if frame.pts != pts:
            raise LookupError("it is missing in the stream")
        self._next = index + 1
        return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)

    def _keyframe(self, index: int) -> int:
        """The last frame at or before ``index`` at which decoding can begin."""
        keyframes = self._video.keyframes or (0,)
        return keyframes[max(0, bisect_right(keyframes, index) - 1)]

    @staticmethod
    def _reason(error: Exception) -> str:
        return getattr(error, "strerror", None) or str(error) or "the stream ends"

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()


BACKENDS: dict[str, Callable[[VideoFile, str], FrameReader]] = {
    "decord": DecordFrames,
    "torchcodec": TorchcodecFrames,
    "pyav": lambda video, _: PyavFrames(video),
}

_FASTEST_FIRST = {"cpu": ("torchcodec", "decord", "pyav"), "cuda": ("torchcodec", "decord")}
"""docs/LOG.md has the measurement for the CPU."""


def open_video(video: VideoFile, backend: str = "auto", device: str = "cpu") -> FrameReader:
    """Open a video.

    Args:
        video: From `vpnet.video.video_file.probe_video`.
        backend: ``auto``, ``decord``, ``torchcodec`` or ``pyav``.
        device: Where to decode: ``cpu`` or ``cuda``.

    Raises:
        InputError: No backend of that name, or it cannot read this file on that device; with
            ``auto``, none can.
    """
    kind = device.split(":")[0]
    if kind not in _FASTEST_FIRST:
        raise InputError(f"decode_device must be cpu or cuda, got {device!r}")
    if backend == "auto":
        reasons = []
        for name in _FASTEST_FIRST[kind]:
            try:
                return BACKENDS[name](video, device)
            except InputError as error:
                if isinstance(error, TorchcodecUnusable):
                    warn_once(str(error))
                reasons.append(str(error))
        raise InputError(f"{video.path}: nothing decodes it on {device}: {'; '.join(reasons)}")
    if backend not in BACKENDS:
        raise InputError(f"backend must be auto, {', '.join(BACKENDS)}, got {backend!r}")
    if backend == "pyav" and kind != "cpu":
        raise InputError("backend=pyav decodes on the CPU; set decode_device=cpu")
    return BACKENDS[backend](video, device)


def resize_frames(frames: Tensor, height: int, width: int) -> Tensor:
    """Resize by bicubic interpolation with antialiasing, whatever decoded the frames.

    On the CPU torch computes in whole numbers, on a GPU it cannot; docs/LOG.md has how little the
    results differ, and how little from ffmpeg's, which PAVER's authors used.

    Frames and result are uint8, ``(frames, 3, height, width)``.
    """
    if frames.shape[-2:] == (height, width):
        return frames
    size = (height, width)
    if frames.device.type == "cpu":
        # Whole numbers in the decoders' own order of colours are ten times as fast.
        frames = frames.contiguous(memory_format=torch.channels_last)
        return torch.nn.functional.interpolate(frames, size, mode="bicubic", antialias=True)
    resized = torch.nn.functional.interpolate(frames.float(), size, mode="bicubic", antialias=True)
    return resized.round_().clamp_(0, 255).to(torch.uint8)


def read_resized(reader: FrameReader, indices: Sequence[int], height: int, width: int) -> Tensor:
    """Read frames and resize each at once, so that only one is in memory at full size.

    Returns:
        uint8, ``(indices, 3, height, width)``, on the reader's device.
    """
    resized = [resize_frames(frame.unsqueeze(0), height, width) for frame in reader.frames(indices)]
    return torch.cat(resized) if resized else torch.empty(0, 3, height, width, dtype=torch.uint8)


_TEST_GREYS = torch.linspace(30, 220, 8)
"""Brightness of each frame of the test video."""

_TEST_TOLERANCE = 6.0
"""Between what was written and what is decoded, for the film is compressed."""


def check_decoders() -> dict[str, str | None]:
    """Let each backend decode a small video made on the spot.

    Returns:
        What is wrong with each, by its name; None where it decodes the right frames.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "grey.mp4"
        with video_writer(file, 128, 64, 30.0) as add:
            for grey in _TEST_GREYS.tolist():
                add(torch.full((3, 64, 128), int(grey), dtype=torch.uint8))
        return {backend: _complaint(file, backend) for backend in sorted(BACKENDS)}


def _complaint(file: Path, backend: str) -> str | None:
    try:
        reader = open_video(probe_video(file), backend)
        greys = torch.stack(
            [frame.float().mean() for frame in reader.frames(range(len(_TEST_GREYS)))]
        )
        reader.close()
    except InputError as error:
        return str(error)
    furthest = float((greys.cpu() - _TEST_GREYS).abs().max())
    if furthest <= _TEST_TOLERANCE:
        return None
    return f"decodes other frames, {furthest:.0f} of 255 away"
