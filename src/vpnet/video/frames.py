"""What every decoding backend gives: a video's frames, one at a time, at full size."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor

from vpnet.errors import InputError


class DecodingError(InputError):
    """A frame of a video cannot be decoded; those before it were given.

    Args:
        message: What is wrong, and with which file.
        frame: Number of the frame.
    """

    def __init__(self, message: str, frame: int) -> None:
        super().__init__(message)
        self.frame = frame


class FrameReader(Protocol):
    """An open video."""

    backend: str
    """What decodes it, and where: ``pyav``, ``decord``, ``torchcodec``, ``torchcodec-cuda``."""

    def frames(self, indices: Sequence[int]) -> Iterator[Tensor]:
        """Decode frames by their numbers, strictly ascending.

        Yields:
            RGB, uint8, upright, ``(3, height, width)``, on the device of the reader.

        Raises:
            DecodingError: A frame cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def cannot_decode(path: object, frame: int, time_s: float, reason: object) -> DecodingError:
    """The error for one frame."""
    return DecodingError(
        f"{path}: frame {frame} at {time_s:.2f} s cannot be decoded ({reason}); what lies before "
        "it is kept; get the file again",
        frame,
    )
