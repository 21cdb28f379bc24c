"""Windows with left and right exchanged: viewers who would have been as likely."""

import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow


def mirrored(window: ViewportWindow, which: Tensor) -> ViewportWindow:
    """Some windows of a batch, seen in a mirror: everything in them, and what is asked for.

    Yaw, roll and the horizontal gaze offset change sign, for the crowd too, and saliency maps are
    flipped. The features of the face and the answers stay: they belong to who watches.

    Args:
        window: A batch.
        which: The windows to be mirrored, bool, shape ``(batch,)``.

    Returns:
        The batch; windows that are not mirrored are unchanged.
    """
    which = which.to(window.user_index.device)

    def flip(values: Tensor) -> Tensor:
        """With the first of the last axis negated: x of directions, horizontal of offsets."""
        sign = torch.ones(len(values), values.shape[-1], device=values.device, dtype=values.dtype)
        sign[which, 0] = -1
        return values * sign.view(len(values), *(1,) * (values.ndim - 2), -1)

    maps, index = window.saliency_maps, window.saliency_index
    if len(maps) > 0:
        # Other windows of the batch may look at the same map.
        index = torch.where(which & (index >= 0), index + len(maps), index)
        maps = torch.cat((maps, maps.flip(-1)))
    return window._replace(
        history_directions=flip(window.history_directions),
        history_roll_rad=torch.where(
            which.unsqueeze(1), -window.history_roll_rad, window.history_roll_rad
        ),
        gaze_directions=flip(window.gaze_directions),
        gaze_offset_deg=flip(window.gaze_offset_deg),
        crowd_directions=flip(window.crowd_directions),
        future_directions=flip(window.future_directions),
        saliency_maps=maps,
        saliency_index=index,
    )
