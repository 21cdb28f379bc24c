"""Opening a video with the fastest backend that can read it."""

from collections.abc import Callable

from vpnet.errors import InputError
from vpnet.video.decord_frames import DecordFrames
from vpnet.video.frames import FrameReader
from vpnet.video.probe import VideoFile
from vpnet.video.pyav_frames import PyavFrames
from vpnet.video.torch_companions import warn_once
from vpnet.video.torchcodec_frames import TorchcodecFrames, TorchcodecUnusable

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
        video: From `vpnet.video.probe.probe_video`.
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
            except TorchcodecUnusable as error:
                warn_once(str(error))
                reasons.append(str(error))
            except InputError as error:
                reasons.append(str(error))
        raise InputError(f"{video.path}: nothing decodes it on {device}: {'; '.join(reasons)}")
    if backend not in BACKENDS:
        raise InputError(f"backend must be auto, {', '.join(BACKENDS)}, got {backend!r}")
    if backend == "pyav" and kind != "cpu":
        raise InputError("backend=pyav decodes on the CPU; set decode_device=cpu")
    return BACKENDS[backend](video, device)
