"""The training loss: distance per horizon, of the history told again, between neighbours."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vpnet.dataset.task import Task
from vpnet.dataset.window import ViewportWindow
from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance

DISTANCES = ("great_circle", "mse")


class ForecastLoss(nn.Module):
    """Weighted mean distance, plus a smoothness term.

    Where a model tells the history again, its steps count as those of the future do.

    Args:
        horizons: Number of horizons.
        horizon_weights: Weight of each in the sum over horizons; None takes their mean.
        smoothness_weight: Weight of the mean great-circle distance between the predictions of
            consecutive windows of one recording that stand next to each other in the batch.
        stride_steps: Distance of consecutive windows' anchors; None takes any later window of the
            recording for consecutive.
        distance: ``great_circle``, in radians, or ``mse``: the mean squared difference of the
            vectors' three numbers, as STAR-VP was published.

    Raises:
        InputError: The distance is unknown.
        ValueError: The number of weights is not the number of horizons.
    """

    weights: Tensor

    def __init__(
        self,
        horizons: int,
        horizon_weights: Sequence[float] | None = None,
        smoothness_weight: float = 0.0,
        stride_steps: int | None = None,
        distance: str = "great_circle",
    ) -> None:
        super().__init__()
        if distance not in DISTANCES:
            raise InputError(f"training.loss must be {' or '.join(DISTANCES)}, got {distance!r}")
        self.distance = great_circle_distance if distance == "great_circle" else _squared
        weights = torch.full((horizons,), 1 / horizons)
        if horizon_weights is not None:
            weights = torch.tensor(horizon_weights, dtype=torch.float32)
        if len(weights) != horizons:
            raise ValueError(f"{horizons} horizons need as many weights, got {len(weights)}")
        self.register_buffer("weights", weights, persistent=False)
        self.smoothness_weight = smoothness_weight
        self.stride_steps = stride_steps

    def forward(
        self, predicted: Tensor, window: ViewportWindow, history: Tensor | None = None
    ) -> Tensor:
        """The loss of a batch.

        Args:
            predicted: Directions, of any length, shape ``(batch, horizon, 3)``.
            window: The batch; steps with an unknown future do not count.
            history: The history as the model tells it again, ``(batch, history, 3)``, or None.

        Returns:
            A scalar.
        """
        known = window.future_valid
        # What an unknown step holds may be anything; even masked, its gradient could be NaN.
        future = torch.where(known.unsqueeze(-1), window.future_directions, predicted.detach())
        apart = torch.where(known, self.distance(predicted, future), 0)
        loss = (self.weights * apart.sum(dim=0) / known.sum(dim=0).clamp(min=1)).sum()
        if history is not None:
            past, steps = self.distance(history, window.history_directions), history.shape[1]
            horizons = len(self.weights)
            loss = (horizons * loss + steps * past.mean()) / (horizons + steps)
        if self.smoothness_weight > 0:
            loss = loss + self.smoothness_weight * smoothness(predicted, window, self.stride_steps)
        return loss


def forecast_loss(task: Task, distance: str = "great_circle") -> ForecastLoss:
    """The loss that a task asks for, with a distance of `DISTANCES`."""
    return ForecastLoss(
        len(task.horizons_s),
        task.horizon_weights,
        task.smoothness_weight,
        task.steps(task.train_stride_s, "task.train_stride_s"),
        distance,
    )


def _squared(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().mean(dim=-1)


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
