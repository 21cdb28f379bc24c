"""Windows with left and right exchanged: augmentation by viewers who are as likely."""

import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow


def mirror_half(window: ViewportWindow) -> ViewportWindow:
    """A batch of which about half the recordings, drawn at random, are mirrored.

    The windows of one recording are mirrored together, so that predictions made one after the other
    can still be compared.
    """
    recordings = int(window.recording_index.max()) + 1
    drawn = torch.rand(recordings, device=window.recording_index.device) < 0.5
    return mirrored(window, drawn[window.recording_index])


def mirrored(window: ViewportWindow, which: Tensor) -> ViewportWindow:
    """A batch with some of its windows mirrored, inputs and future alike.

    Yaw, roll and the horizontal gaze offset change sign, for the crowd too, and saliency is
    flipped. The face is hidden: its weights have sides, and a chosen one may lack its partner. The
    answers of the viewer stay.

    Args:
        window: A batch.
        which: The windows to be mirrored, bool, shape ``(batch,)``.
    """

    def flip(values: Tensor) -> Tensor:
        """Negate the first entry of the last axis: x of directions, horizontal of offsets."""
        sign = torch.ones(len(values), values.shape[-1], device=values.device, dtype=values.dtype)
        sign[which, 0] = -1
        return values * sign.view(len(values), *(1,) * (values.ndim - 2), -1)

    maps, points = window.saliency_maps, window.saliency_points
    count = max(len(maps), len(points))
    index = window.saliency_index
    # A map may be read both ways; its mirrored copy is ``count`` rows further.
    index = torch.where(which.unsqueeze(1) & (index >= 0), index + count, index)
    used, place = _used_rows(index, count)
    is_mirrored = (used >= count).view(-1, 1, 1)
    if len(maps) > 0:
        maps = maps[used % count]
        maps = torch.where(is_mirrored, maps.flip(-1), maps)
    if len(points) > 0:
        points = points[used % count]
        points = torch.where(is_mirrored, points * points.new_tensor([-1.0, 1.0, 1.0, 1.0]), points)
    return window._replace(
        history_directions=flip(window.history_directions),
        history_roll_rad=torch.where(
            which.unsqueeze(1), -window.history_roll_rad, window.history_roll_rad
        ),
        gaze_directions=flip(window.gaze_directions),
        gaze_offset_deg=flip(window.gaze_offset_deg),
        face_valid=window.face_valid & ~which.unsqueeze(1),
        crowd_directions=flip(window.crowd_directions),
        future_directions=flip(window.future_directions),
        saliency_maps=maps,
        saliency_points=points,
        saliency_index=place[index],
    )


def _used_rows(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The rows, mirrored or not, that are read, and the new place of each; -1 stays -1."""
    used = torch.unique(rows[rows >= 0])
    place = torch.full((2 * count + 1,), -1, device=rows.device)
    place[used] = torch.arange(len(used), device=rows.device)
    return used, place
