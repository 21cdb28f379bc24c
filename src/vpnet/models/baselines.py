"""Forecasters without a network: the head stays, keeps its velocity, or moves linearly."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.tangent import from_tangent, to_tangent
from vpnet.models.forecaster import Forecaster
from vpnet.settings import Positive, checked


class Static(Forecaster):
    """Holds the last direction: prediction(h) = direction(anchor) for every horizon h."""

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        last = window.history_directions[:, -1:]
        return last.expand(-1, len(self.spec.horizon_steps), -1)


@checked
class ConstantVelocity(Forecaster):
    """Extrapolates the motion of the last ``span_s`` along its great circle.

    With a decay the speed falls as exp(-t / decay_s), so that the distance covered by horizon h is
    v decay_s (1 - exp(-h / decay_s)); without one it is v h.

    Args:
        spec: What the windows look like.
        span_s: Seconds before the anchor over which the velocity is measured; at least one step and
            shorter than the history.
        decay_s: Time constant in seconds with which the speed decays; null for a constant speed.

    Raises:
        InputError: ``span_s`` is shorter than a step or longer than the history.
    """

    reach_s: Tensor

    def __init__(
        self,
        spec: WindowSpec,
        span_s: Annotated[float, Field(gt=0, le=3600)] = 0.2,
        decay_s: Positive | None = None,
    ) -> None:
        super().__init__(spec)
        self.span_steps = round(span_s * spec.sampling_rate_hz)
        if not 1 <= self.span_steps < spec.history_steps:
            raise InputError(
                f"model.span_s must be at least one step and shorter than the history "
                f"({spec.history_steps / spec.sampling_rate_hz:g} s), got {span_s}"
            )
        horizons_s = torch.tensor(spec.horizons_s)
        reach_s = horizons_s
        if decay_s is not None:
            reach_s = decay_s * (1 - torch.exp(-horizons_s / decay_s))
        self.register_buffer("reach_s", reach_s, persistent=False)

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        last = window.history_directions[:, -1]
        earlier = window.history_directions[:, -1 - self.span_steps]
        span_s = self.span_steps / self.spec.sampling_rate_hz
        velocity_rad_s = -to_tangent(last, earlier) / span_s
        offset_rad = velocity_rad_s.unsqueeze(1) * self.reach_s.unsqueeze(1)
        return from_tangent(last.unsqueeze(1), offset_rad)


@checked
class Linear(Forecaster):
    """Ridge regression in the head-centred tangent plane, in closed form.

    Features: east and north of the earlier history steps around the last one, the elevation of the
    last one (heads come back to the horizon) and a constant. One call of `accumulate` per training
    batch and one of `solve` fit it: W = (X'X + ridge n I)^-1 X'Y over n windows, the constant not
    penalised.

    Args:
        spec: What the windows look like.
        ridge: Penalty on the squared weights, per training window; 0 is least squares.
    """

    weights: Tensor
    _moments: Tensor
    _products: Tensor

    def __init__(
        self, spec: WindowSpec, ridge: Annotated[float, Field(ge=0, le=1e6)] = 1e-4
    ) -> None:
        super().__init__(spec)
        self.ridge = ridge
        features = 2 * (spec.history_steps - 1) + 2
        outputs = 2 * len(spec.horizon_steps)
        self.register_buffer("weights", torch.zeros(features, outputs))
        moments = torch.zeros(features, features, dtype=torch.float64)
        self.register_buffer("_moments", moments, persistent=False)
        products = torch.zeros(features, outputs, dtype=torch.float64)
        self.register_buffer("_products", products, persistent=False)
        self._windows = 0

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        last = window.history_directions[:, -1:]
        features = self._features(window)
        # bf16 would cost half a degree.
        with torch.autocast(features.device.type, enabled=False):
            offset_rad = features @ self.weights
        return from_tangent(last, offset_rad.unflatten(1, (-1, 2)))

    def accumulate(self, window: ViewportWindow) -> None:
        """Add a batch to the normal equations; windows with an unknown future are left out."""
        known = window.future_valid.all(dim=1)
        features = self._features(window)[known].double()
        last = window.history_directions[known, -1:]
        targets = to_tangent(last, window.future_directions[known]).flatten(1).double()
        self._moments += features.T @ features
        self._products += features.T @ targets
        self._windows += int(known.sum())

    def solve(self) -> None:
        """Compute the weights from the accumulated windows.

        Raises:
            ValueError: Nothing was accumulated.
        """
        if self._windows == 0:
            raise ValueError("no training window with a fully known future was accumulated")
        penalty = torch.full((len(self._moments),), self.ridge * self._windows)
        penalty[-1] = 0
        penalised = self._moments + torch.diag(penalty.to(self._moments))
        self.weights.copy_(torch.linalg.solve(penalised, self._products))

    def _features(self, window: ViewportWindow) -> Tensor:
        last = window.history_directions[:, -1:]
        past_rad = to_tangent(last, window.history_directions[:, :-1]).flatten(1)
        elevation_rad = yaw_and_elevation(last)[1]
        return torch.cat((past_rad, elevation_rad, torch.ones_like(elevation_rad)), dim=1)
