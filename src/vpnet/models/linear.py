"""The linear baseline: ridge regression in the head-centred tangent plane, in closed form."""

import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.tangent import from_tangent, to_tangent
from vpnet.models.forecaster import Forecaster
from vpnet.settings import NonNegative, checked


@checked
class Linear(Forecaster):
    """Predicts tangent-plane coordinates linearly from those of the history.

    Features: east and north of the earlier history steps around the last one, the elevation of the
    last one (heads come back to the horizon) and a constant. One call of `accumulate` per training
    batch and one of `solve` fit it: W = (X'X + ridge n I)^-1 X'Y over n windows, the constant not
    penalised.

    Args:
        spec: What the windows look like.
        ridge: Penalty per training window on the squared weights.
    """

    weights: Tensor
    _moments: Tensor
    _products: Tensor

    def __init__(self, spec: WindowSpec, ridge: NonNegative = 1e-4) -> None:
        super().__init__(spec)
        self.ridge = ridge
        features = 2 * (spec.history_steps - 1) + 2
        outputs = 2 * len(spec.horizon_steps)
        self.register_buffer("weights", torch.zeros(features, outputs))
        self.register_buffer(
            "_moments", torch.zeros(features, features, dtype=torch.float64), persistent=False
        )
        self.register_buffer(
            "_products", torch.zeros(features, outputs, dtype=torch.float64), persistent=False
        )
        self._windows = 0

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
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
        """Turn what was accumulated into weights.

        Raises:
            ValueError: Nothing was accumulated.
        """
        if self._windows == 0:
            raise ValueError("no training window with a fully known future was accumulated")
        penalty = torch.full((len(self._moments),), self.ridge * self._windows)
        penalty[-1] = 0
        self.weights.copy_(
            torch.linalg.solve(
                self._moments + torch.diag(penalty.to(self._moments)), self._products
            )
        )

    def _features(self, window: ViewportWindow) -> Tensor:
        last = window.history_directions[:, -1:]
        past_rad = to_tangent(last, window.history_directions[:, :-1]).flatten(1)
        elevation_rad = yaw_and_elevation(last)[1]
        return torch.cat((past_rad, elevation_rad, torch.ones_like(elevation_rad)), dim=1)
