"""Collecting the predictions of an evaluation, over batches, devices and processes."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows, check_shapes


class ViewportMetrics(Metric):
    """Gathers every prediction of an evaluation, so that all numbers come from one place.

    Means over users, percentiles and bootstrap intervals need each window, not running sums. The
    states are lists that are concatenated over processes. A distributed sampler repeats windows to
    give every process as many; `compute` keeps each window once.

    Args:
        kwargs: Passed to `torchmetrics.Metric`.
    """

    is_differentiable = False
    full_state_update = False

    predicted: list[Tensor]
    future: list[Tensor]
    valid: list[Tensor]
    recording_index: list[Tensor]
    anchor_step: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for state in ("predicted", "future", "valid", "recording_index", "anchor_step"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(
        self,
        predicted: Tensor,
        future_directions: Tensor,
        future_valid: Tensor,
        recording_index: Tensor,
        anchor_step: Tensor,
    ) -> None:
        """Add a batch.

        Args:
            predicted: Unit vectors, shape ``(batch, horizon, 3)``.
            future_directions: Unit vectors, shape ``(batch, horizon, 3)``.
            future_valid: Which of them are known, shape ``(batch, horizon)``.
            recording_index: Which recording each window is cut from, shape ``(batch,)``.
            anchor_step: Playback time of the anchor in steps of the clock, shape ``(batch,)``.

        Raises:
            ValueError: The shapes do not belong together.
        """
        check_shapes(predicted, future_directions, future_valid, recording_index, anchor_step)
        self.predicted.append(predicted.detach())
        self.future.append(future_directions.detach())
        self.valid.append(future_valid)
        self.recording_index.append(recording_index)
        self.anchor_step.append(anchor_step)

    def compute(self) -> EvaluatedWindows:
        """All windows, each once, sorted by recording, then by anchor.

        Raises:
            InputError: No window was evaluated.
        """
        if isinstance(self.recording_index, list) and not self.recording_index:
            raise InputError(
                "no window was evaluated: the set is empty; give it recordings longer than history "
                "and horizon together, or check the split"
            )
        predicted, future, valid, recording_index, anchor_step = (
            dim_zero_cat(state).cpu()
            for state in (
                self.predicted,
                self.future,
                self.valid,
                self.recording_index,
                self.anchor_step,
            )
        )
        order = torch.argsort(anchor_step, stable=True)
        order = order[torch.argsort(recording_index[order], stable=True)]
        key = torch.stack((recording_index[order], anchor_step[order]), dim=1)
        is_first = torch.ones(len(key), dtype=torch.bool)
        is_first[1:] = (key[1:] != key[:-1]).any(dim=1)
        kept = order[is_first]
        return EvaluatedWindows(
            predicted[kept],
            future[kept],
            valid[kept],
            recording_index[kept],
            anchor_step[kept],
        )
