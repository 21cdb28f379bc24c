"""Saliency maps at another size."""

import torch
from torch import Tensor


def resize_maps(maps: Tensor, height: int, width: int) -> Tensor:
    """Resize equirectangular maps: bilinear, every pixel counted, columns wrapped.

    Args:
        maps: Shape ``(maps, rows, columns)``.
        height: Rows wanted.
        width: Columns wanted.

    Returns:
        Shape ``(maps, height, width)``; within the range of ``maps``.
    """
    if maps.shape[-2:] == (height, width):
        return maps
    # A whole turn on either side keeps the pixels aligned whatever the widths.
    turns = torch.cat((maps, maps, maps), dim=-1).unsqueeze(1)
    resized = torch.nn.functional.interpolate(
        turns, (height, 3 * width), mode="bilinear", antialias=True
    )
    return resized[:, 0, :, width : 2 * width].clamp(0, 1)
