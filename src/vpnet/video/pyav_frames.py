"""Decoding with PyAV: ffmpeg's own libraries, on every machine."""

from collections.abc import Iterator, Sequence

import torch
from av.error import FFmpegError
from torch import Tensor

from vpnet.video.frames import cannot_decode
from vpnet.video.probe import VideoFile, open_container


class PyavFrames:
    """A video decoded on the CPU by PyAV.

    Args:
        video: The file.
    """

    def __init__(self, video: VideoFile) -> None:
        self.backend = "pyav"
        self._video = video
        self._container = open_container(video.path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._decoded = self._container.decode(self._stream)
        self._next = 0

    def frames(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """See `vpnet.video.frames.FrameReader.frames`."""
        pts = self._video.frame_pts
        for index in indices:
            wanted = int(pts[index])
            try:
                if index < self._next or self._keyframe(index) > self._next:
                    self._container.seek(wanted, stream=self._stream)
                    self._decoded = self._container.decode(self._stream)
                frame = next(
                    found for found in self._decoded if found.pts is None or found.pts >= wanted
                )
                if frame.pts != wanted:
                    raise LookupError("it is missing in the stream")
            except (FFmpegError, LookupError, StopIteration) as error:
                reason = getattr(error, "strerror", None) or str(error) or "the stream ends"
                time_s = float(self._video.frame_times_s[index])
                raise cannot_decode(self._video.path, index, time_s, reason) from error
            self._next = index + 1
            pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
            # PyAV gives frames as they are stored.
            turns = self._video.rotation_deg // 90
            yield torch.rot90(pixels, turns, dims=(-2, -1)) if turns else pixels

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _keyframe(self, index: int) -> int:
        """The last frame at or before ``index`` at which decoding can begin."""
        keyframes = torch.tensor(self._video.keyframes or (0,))
        return int(keyframes[max(0, int(torch.searchsorted(keyframes, index, right=True)) - 1)])
