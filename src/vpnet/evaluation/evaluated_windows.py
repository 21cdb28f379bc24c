"""All windows of an evaluation: what was predicted, and what is true."""

from torch import Tensor


class EvaluatedWindows:
    """Predictions and truth of all windows of an evaluation, on the CPU.

    Not a NamedTuple: torchmetrics rebuilds tuples and drops every axis of one-element tensors, so
    that an evaluation of a single window would lose its shape.

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
    """Refuse tensors that do not belong together, as `EvaluatedWindows` takes them.

    Raises:
        ValueError: They do not.
    """
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
