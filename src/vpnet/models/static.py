"""The static baseline: the head stays where it is."""

from torch import Tensor

from vpnet.dataset.window import ViewportWindow
from vpnet.models.forecaster import Forecaster


class Static(Forecaster):
    """Holds the last direction: prediction(h) = direction(anchor) for every horizon h."""

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        last = window.history_directions[:, -1:]
        return last.expand(-1, len(self.spec.horizon_steps), -1)
