"""All windows of an evaluation: predictions, truth, and which windows are fair to show."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vpnet.evaluation.viewport_metrics import error_deg


class EvaluatedWindows:
    """Predictions and truth of all windows of an evaluation, on the CPU.

    Not a NamedTuple or dataclass: torchmetrics rebuilds those and drops every axis of one-element
    tensors, so that an evaluation of a single window would lose its shape.

    Args:
        predicted: Predicted viewport centres, unit vectors, shape ``(windows, horizon, 3)``.
        future: True viewport centres, unit vectors, shape ``(windows, horizon, 3)``.
        valid: Which true ones are known, shape ``(windows, horizon)``.
        recording_index: Which recording each window is cut from, shape ``(windows,)``.
        anchor_step: Playback time of the anchor in steps of the clock, shape ``(windows,)``.

    Raises:
        ValueError: The shapes do not belong together.
    """

    def __init__(
        self,
        predicted: Tensor,
        future: Tensor,
        valid: Tensor,
        recording_index: Tensor,
        anchor_step: Tensor,
    ) -> None:
        check_shapes(predicted, future, valid, recording_index, anchor_step)
        self.predicted = predicted
        self.future = future
        self.valid = valid
        self.recording_index = recording_index
        self.anchor_step = anchor_step

    def __len__(self) -> int:
        return len(self.predicted)

    def __repr__(self) -> str:
        windows, horizon, _ = self.predicted.shape
        recordings = len(self.recording_index.unique())
        return f"EvaluatedWindows(windows={windows}, horizon={horizon}, recordings={recordings})"


def check_shapes(
    predicted: Tensor, future: Tensor, valid: Tensor, recording_index: Tensor, anchor_step: Tensor
) -> None:
    """Raise ValueError unless the tensors belong together as in `EvaluatedWindows`."""
    windows, horizon = predicted.shape[0], predicted.shape[1]
    expected = {
        "predicted": (predicted, (windows, horizon, 3)),
        "future": (future, (windows, horizon, 3)),
        "valid": (valid, (windows, horizon)),
        "recording_index": (recording_index, (windows,)),
        "anchor_step": (anchor_step, (windows,)),
    }
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(tensor.shape)}")


def typical_windows(
    evaluated: EvaluatedWindows,
    recording_videos: Sequence[str],
    count: int = 3,
    moved_deg: float = 30.0,
) -> list[int]:
    """Windows of one video, each of another viewer, of median error among moving ones.

    Pictures of the best windows flatter, pictures of still heads show nothing.

    Args:
        evaluated: Predictions and truth.
        recording_videos: Video of each recording.
        count: Windows at most.
        moved_deg: How far the head must move from the start to the end of the future.

    Returns:
        Positions in ``evaluated``, in the order of the recordings. Where no head moves so far,
        still ones are taken.
    """
    complete = evaluated.valid.all(dim=1)
    travelled = error_deg(evaluated.future[:, 0], evaluated.future[:, -1]) >= moved_deg
    eligible = complete & travelled
    if not eligible.any():
        eligible = complete if complete.any() else torch.ones_like(complete)
    errors_deg = error_deg(evaluated.predicted, evaluated.future).mean(dim=1)
    by_video: dict[str, list[int]] = {}
    for recording in evaluated.recording_index[eligible].unique().tolist():
        by_video.setdefault(str(recording_videos[recording]), []).append(recording)
    recordings = max(by_video.values(), key=len)[:count]
    chosen = []
    for recording in recordings:
        rows = torch.nonzero(eligible & (evaluated.recording_index == recording)).squeeze(1)
        order = torch.argsort(errors_deg[rows], stable=True)
        chosen.append(int(rows[order[len(rows) // 2]]))
    return chosen
