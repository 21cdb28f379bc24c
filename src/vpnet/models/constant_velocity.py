"""The constant-velocity baseline: the head goes on along its great circle."""

import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.errors import InputError
from vpnet.geometry.tangent import from_tangent, to_tangent
from vpnet.models.forecaster import Forecaster
from vpnet.settings import Positive, checked


@checked
class ConstantVelocity(Forecaster):
    """Extrapolates the motion of the last ``span_s`` along its great circle.

    With a decay the speed falls as exp(-t / decay_s), so that the distance covered by horizon h is
    v decay_s (1 - exp(-h / decay_s)); without one it is v h.

    Args:
        spec: What the windows look like.
        span_s: Stretch of the history over which the velocity is taken.
        decay_s: Time constant of the speed, or None for none.

    Raises:
        InputError: ``span_s`` is shorter than a step or longer than the history.
    """

    reach_s: Tensor

    def __init__(
        self, spec: WindowSpec, span_s: Positive = 0.2, decay_s: Positive | None = None
    ) -> None:
        super().__init__(spec)
        self.span_steps = round(span_s * spec.sampling_rate_hz)
        if not 1 <= self.span_steps < spec.history_steps:
            raise InputError(
                f"span_s must be at least one step and shorter than the history "
                f"({spec.history_steps / spec.sampling_rate_hz:g} s), got {span_s}"
            )
        horizons_s = torch.tensor(spec.horizons_s)
        reach_s = horizons_s
        if decay_s is not None:
            reach_s = decay_s * (1 - torch.exp(-horizons_s / decay_s))
        self.register_buffer("reach_s", reach_s, persistent=False)

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        last = window.history_directions[:, -1]
        earlier = window.history_directions[:, -1 - self.span_steps]
        span_s = self.span_steps / self.spec.sampling_rate_hz
        velocity_rad_s = -to_tangent(last, earlier) / span_s
        offset_rad = velocity_rad_s.unsqueeze(1) * self.reach_s.unsqueeze(1)
        return from_tangent(last.unsqueeze(1), offset_rad)
