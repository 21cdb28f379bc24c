"""What every model is: a module that answers windows with directions."""

from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec


class Forecaster(nn.Module):
    """Predicts where the head will point at every horizon.

    A subclass writes ``forward(window) -> (batch, horizon, 3)``, unit vectors in the world frame.
    It may read everything of the window but ``future_directions`` and ``future_valid``.

    Args:
        spec: What the windows look like.
    """

    def __init__(self, spec: WindowSpec) -> None:
        super().__init__()
        self.spec = spec

    def __call__(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        return super().__call__(window)

    def regularization(self) -> Tensor | float:
        """What the training loss adds for the sake of the parameters themselves."""
        return 0.0

    def absent_streams(self) -> list[str]:
        """Streams that the model can use and the data lack."""
        return []

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)
