"""Decoding with decord: on the CPU, and on a GPU where the build can."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.video.frames import cannot_decode
from vpnet.video.probe import VideoFile


class DecordFrames:
    """A video decoded by decord. It does not survive a fork: open it where it is read.

    Args:
        video: The file.
        device: ``cpu`` or ``cuda``; the wheels of the package index decode on the CPU alone.

    Raises:
        InputError: decord is not installed, cannot decode there, or numbers the frames otherwise.
    """

    def __init__(self, video: VideoFile, device: str = "cpu") -> None:
        try:
            import decord
        except ImportError as error:
            raise InputError(f"backend=decord: is not installed here ({error})") from error
        decord.bridge.set_bridge("native")
        decord.logging.set_level(decord.logging.QUIET)
        on_gpu = device.startswith("cuda")
        self.backend = "decord-cuda" if on_gpu else "decord"
        self._video = video
        context = decord.gpu(0) if on_gpu else decord.cpu(0)
        try:
            self._reader = decord.VideoReader(str(video.path), ctx=context)
            frames = len(self._reader)
        except (decord.DECORDError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(
                f"{video.path}: decord cannot open it on {device}: {reason}"
            ) from error
        if frames != len(video.frame_pts):
            raise InputError(
                f"{video.path}: decord counts {frames} frames, the file has "
                f"{len(video.frame_pts)}; use backend=pyav"
            )
        self._failures = (decord.DECORDError, RuntimeError, IndexError)

    def frames(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """See `vpnet.video.frames.FrameReader.frames`."""
        for index in indices:
            try:
                pixels = torch.from_dlpack(self._reader[index].to_dlpack())
            except self._failures as error:
                time_s = float(self._video.frame_times_s[index])
                reason = str(error).strip().splitlines()[-1]
                raise cannot_decode(self._video.path, index, time_s, reason) from error
            yield pixels.permute(2, 0, 1)

    def close(self) -> None:
        """Let go of the file."""
        del self._reader
