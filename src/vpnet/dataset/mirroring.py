"""Windows with left and right exchanged: viewers who would have been as likely."""

import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow


def mirrored(window: ViewportWindow, which: Tensor) -> ViewportWindow:
    """Some windows of a batch, seen in a mirror: everything in them, and what is asked for.

    Yaw, roll and the horizontal gaze offset change sign, for the crowd too, and saliency is
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

    def flip_index(index: Tensor, count: int) -> Tensor:
        """Rows of the mirrored maps, which follow the others: those may be looked at as well."""
        seen = which.view(-1, *(1,) * (index.ndim - 1)) & (index >= 0)
        return torch.where(seen, index + count, index)

    maps, points = window.saliency_maps, window.saliency_points
    count = max(len(maps), len(points))
    mirror = points.new_tensor([-1.0, 1.0, 1.0, 1.0])
    return window._replace(
        history_directions=flip(window.history_directions),
        history_roll_rad=torch.where(
            which.unsqueeze(1), -window.history_roll_rad, window.history_roll_rad
        ),
        gaze_directions=flip(window.gaze_directions),
        gaze_offset_deg=flip(window.gaze_offset_deg),
        crowd_directions=flip(window.crowd_directions),
        future_directions=flip(window.future_directions),
        saliency_maps=torch.cat((maps, maps.flip(-1))),
        saliency_points=torch.cat((points, points * mirror)),
        saliency_index=flip_index(window.saliency_index, count),
        saliency_steps=flip_index(window.saliency_steps, count),
    )
