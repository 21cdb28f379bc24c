"""Frames at the size of a network: the same arithmetic whatever decoded them, and wherever."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vpnet.video.frames import FrameReader


def resize_frames(frames: Tensor, height: int, width: int) -> Tensor:
    """Resize by bicubic interpolation with antialiasing.

    On the CPU torch reckons in whole numbers, on a GPU it cannot; docs/LOG.md has how little the
    results differ, and how little from ffmpeg's, which PAVER's authors used.

    Args:
        frames: uint8, ``(frames, 3, rows, columns)``.
        height: Rows wanted.
        width: Columns wanted.

    Returns:
        uint8, ``(frames, 3, height, width)``.
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
