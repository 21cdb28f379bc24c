"""The training loss: distance per horizon, of the reconstructed history, between neighbours."""

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

    Where a model reconstructs the history, its steps count like those of the future.

    Args:
        horizons: Number of horizons.
        horizon_weights: Weight of each in the sum over horizons; None takes their mean.
        smoothness_weight: Weight of the mean great-circle distance between the predictions of
            consecutive windows of one recording that are neighbours in the batch.
        stride_steps: Largest distance of consecutive windows' anchors; None sets no limit.
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
        self.distance = great_circle_distance if distance == "great_circle" else _mean_square
        weights = torch.full((horizons,), 1 / horizons)
        if horizon_weights is not None:
            weights = torch.tensor(horizon_weights, dtype=torch.float32)
        if len(weights) != horizons:
            raise ValueError(f"{horizons} horizons need as many weights, got {len(weights)}")
        self.register_buffer("weights", weights, persistent=False)
        self.smoothness_weight = smoothness_weight
        self.stride_steps = stride_steps

    def forward(
        self, predicted: Tensor, window: ViewportWindow, reconstructed: Tensor | None = None
    ) -> Tensor:
        """The loss of a batch, a scalar.

        Args:
            predicted: Directions, of any length, shape ``(batch, horizon, 3)``.
            window: The batch; steps with an unknown future do not count.
            reconstructed: The history as the model reconstructs it, shape ``(batch, history, 3)``.
        """
        known = window.future_valid
        # An unknown step may hold any value. Even masked, its gradient could be NaN.
        future = torch.where(known.unsqueeze(-1), window.future_directions, predicted.detach())
        distance = torch.where(known, self.distance(predicted, future), 0)
        loss = (self.weights * distance.sum(dim=0) / known.sum(dim=0).clamp(min=1)).sum()
        if reconstructed is not None:
            past = self.distance(reconstructed, window.history_directions)
            horizons, steps = len(self.weights), reconstructed.shape[1]
            loss = (horizons * loss + steps * past.mean()) / (horizons + steps)
        if self.smoothness_weight > 0:
            loss = loss + self.smoothness_weight * smoothness(predicted, window, self.stride_steps)
        return loss


def forecast_loss(task: Task, distance: str = "great_circle") -> ForecastLoss:
    """The loss of a task, with a distance of `DISTANCES`."""
    return ForecastLoss(
        len(task.horizons_s),
        task.horizon_weights,
        task.smoothness_weight,
        task.steps(task.train_stride_s, "task.train_stride_s"),
        distance,
    )


def smoothness(
    predicted: Tensor, window: ViewportWindow, stride_steps: int | None = None
) -> Tensor:
    """Mean great-circle distance between consecutive predictions, in radians.

    Args:
        predicted: Directions, shape ``(batch, horizon, 3)``.
        window: The batch. Two neighbours count where they are consecutive windows of one recording,
            in the order of time.
        stride_steps: Largest distance of consecutive windows' anchors; None sets no limit.

    Returns:
        A scalar; 0 where the batch has no such pair.
    """
    distance_rad = great_circle_distance(predicted[1:], predicted[:-1]).mean(dim=1)
    same = window.recording_index[1:] == window.recording_index[:-1]
    step_difference = window.anchor_step.diff()
    consecutive = same & (step_difference > 0)
    if stride_steps is not None:
        consecutive &= step_difference <= stride_steps
    return torch.where(consecutive, distance_rad, 0).sum() / consecutive.sum().clamp(min=1)


def _mean_square(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().mean(dim=-1)
