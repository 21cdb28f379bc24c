"""Decoding with torchcodec: on the CPU, and on a GPU's video decoder."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.video.frames import cannot_decode
from vpnet.video.probe import VideoFile
from vpnet.video.torch_companions import companion_complaints


class TorchcodecUnusable(InputError):
    """torchcodec is installed and does not load."""


def load_decoder() -> Any:
    """The class that decodes.

    Raises:
        TorchcodecUnusable: It is installed and does not load; the message has one line.
        InputError: It is not installed.
    """
    loaded = _load()
    if isinstance(loaded, Exception):
        # A new one each time: raised again, the same would carry all tracebacks before.
        raise type(loaded)(str(loaded))
    return loaded


@cache
def _load() -> Any:
    """The class or why there is none; found out once, for a failing import takes long each time."""
    if find_spec("torchcodec") is None:
        return InputError("backend=torchcodec: is not installed; pip install 'vpnet[torchcodec]'")
    try:
        from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportPrivateImportUsage]
    except (ImportError, RuntimeError, OSError) as error:
        for complaint in companion_complaints():
            if complaint.startswith("torchcodec"):
                return TorchcodecUnusable(complaint)
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        return TorchcodecUnusable(
            f"torchcodec does not load ({reason}): videos are decoded without it; it needs the "
            "shared libraries of ffmpeg (apt install ffmpeg)"
        )
    return VideoDecoder


class TorchcodecFrames:
    """A video decoded by torchcodec.

    Args:
        video: The file.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: torchcodec or ffmpeg's libraries are not installed, it cannot decode there, or
            numbers the frames otherwise.
    """

    def __init__(self, video: VideoFile, device: str = "cpu") -> None:
        decoder = load_decoder()
        on_gpu = device.startswith("cuda")
        self.backend = "torchcodec-cuda" if on_gpu else "torchcodec"
        self._video = video
        try:
            self._decoder = decoder(str(video.path), device=device, seek_mode="exact")
            frames = len(self._decoder)
        except (RuntimeError, ValueError, TypeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"{video.path}: torchcodec cannot open it on {device}: {reason}"
            ) from error
        # torchcodec 0.11 turns frames upright by itself, and says by how much; 0.10 does neither.
        upright = hasattr(self._decoder.metadata, "rotation")
        self._turns = 0 if upright else video.rotation_deg // 90
        if frames != len(video.frame_pts):
            raise InputError(
                f"{video.path}: torchcodec counts {frames} frames, the file has "
                f"{len(video.frame_pts)}; use backend=pyav"
            )

    def frames(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """See `vpnet.video.frames.FrameReader.frames`."""
        for index in indices:
            try:
                pixels = self._decoder.get_frame_at(index).data
            except (RuntimeError, IndexError) as error:
                time_s = float(self._video.frame_times_s[index])
                reason = str(error).strip().splitlines()[0]
                raise cannot_decode(self._video.path, index, time_s, reason) from error
            yield torch.rot90(pixels, self._turns, dims=(-2, -1)) if self._turns else pixels

    def close(self) -> None:
        """Let go of the file."""
        del self._decoder
