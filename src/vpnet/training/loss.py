"""The training loss: great-circle distance per horizon, and calm between neighbouring anchors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vpnet.dataset.task import Task
from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import great_circle_distance


class ForecastLoss(nn.Module):
    """Weighted mean great-circle distance, in radians, plus a smoothness term.

    Args:
        horizons: Number of horizons.
        horizon_weights: Weight of each in the sum over horizons; None takes their mean.
        smoothness_weight: Weight of the mean great-circle distance between the predictions of
            consecutive windows of one recording that stand next to each other in the batch.
        stride_steps: Distance of consecutive windows' anchors; None takes any later window of the
            recording for consecutive.

    Raises:
        ValueError: The number of weights is not the number of horizons.
    """

    weights: Tensor

    def __init__(
        self,
        horizons: int,
        horizon_weights: Sequence[float] | None = None,
        smoothness_weight: float = 0.0,
        stride_steps: int | None = None,
    ) -> None:
        super().__init__()
        weights = torch.full((horizons,), 1 / horizons)
        if horizon_weights is not None:
            weights = torch.tensor(horizon_weights, dtype=torch.float32)
        if len(weights) != horizons:
            raise ValueError(f"{horizons} horizons need as many weights, got {len(weights)}")
        self.register_buffer("weights", weights, persistent=False)
        self.smoothness_weight = smoothness_weight
        self.stride_steps = stride_steps

    def forward(self, predicted: Tensor, window: ViewportWindow) -> Tensor:
        """The loss of a batch.

        Args:
            predicted: Directions, shape ``(batch, horizon, 3)``.
            window: The batch; steps with an unknown future do not count.

        Returns:
            A scalar, radians.
        """
        known = window.future_valid
        # What an unknown step holds may be anything; even masked, its gradient could be NaN.
        future = torch.where(known.unsqueeze(-1), window.future_directions, predicted.detach())
        distance_rad = torch.where(known, great_circle_distance(predicted, future), 0)
        loss = (self.weights * distance_rad.sum(dim=0) / known.sum(dim=0).clamp(min=1)).sum()
        if self.smoothness_weight > 0:
            loss = loss + self.smoothness_weight * smoothness(predicted, window, self.stride_steps)
        return loss


def forecast_loss(task: Task) -> ForecastLoss:
    """The loss that a task asks for."""
    return ForecastLoss(
        len(task.horizons_s),
        task.horizon_weights,
        task.smoothness_weight,
        task.steps(task.train_stride_s, "task.train_stride_s"),
    )


def smoothness(
    predicted: Tensor, window: ViewportWindow, stride_steps: int | None = None
) -> Tensor:
    """Mean great-circle distance between predictions made one after the other, in radians.

    Args:
        predicted: Directions, shape ``(batch, horizon, 3)``.
        window: The batch; neighbours in it that are not consecutive windows of one recording, the
            later one second, do not count.
        stride_steps: Distance of consecutive windows' anchors; None takes any.

    Returns:
        A scalar; 0 where the batch has no such pair.
    """
    distance_rad = great_circle_distance(predicted[1:], predicted[:-1]).mean(dim=1)
    same = window.recording_index[1:] == window.recording_index[:-1]
    apart_steps = window.anchor_step.diff()
    consecutive = same & (apart_steps > 0)
    if stride_steps is not None:
        consecutive &= apart_steps <= stride_steps
    return torch.where(consecutive, distance_rad, 0).sum() / consecutive.sum().clamp(min=1)
