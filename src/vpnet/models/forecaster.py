"""What every model is: a module that predicts directions from windows."""

import re
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from vpnet.dataset.window import SaliencyView, ViewportWindow, WindowSpec


class TrainingOutput(NamedTuple):
    """The output of a model that the loss judges."""

    directions: Tensor
    """At the horizons, of any length, ``(batch, horizon, 3)``."""
    reconstructed_history: Tensor | None = None
    """Shape ``(batch, history, 3)``; None where the model does not reconstruct it."""


class RecurrentPart(NamedTuple):
    """A recurrent encoder-decoder; the first features of its input are the viewer's head."""

    module: nn.Module
    head_features: int
    """How many features these are."""


class Forecaster(nn.Module):
    """Predicts where the head will point at every horizon.

    A subclass writes ``forward(window) -> (batch, horizon, 3)``, unit vectors in the world frame.
    It may read everything of the window but ``future_directions`` and ``future_valid``.

    Args:
        spec: What the windows look like.
    """

    saliency_view: ClassVar[SaliencyView] = "ahead"
    """How it sees saliency, one of `vpnet.dataset.window.SaliencyView`."""

    used_streams: tuple[str, ...] = ()
    """What it uses where the data have it, names of `vpnet.dataset.window.WindowSpec.present`."""

    def __init__(self, spec: WindowSpec) -> None:
        super().__init__()
        self.spec = spec

    def __call__(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        return super().__call__(window)

    def training_output(self, window: ViewportWindow) -> TrainingOutput:
        """The prediction, and what else the model is trained to output."""
        return TrainingOutput(self(window))

    def regularization(self) -> Tensor | float:
        """Term of the training loss that depends on the parameters alone."""
        return 0.0

    def absent_streams(self, data: WindowSpec | None = None) -> list[str]:
        """Streams that the model uses and the data lack.

        Args:
            data: What the data hold; None takes what the model was made for.
        """
        present = (data or self.spec).present
        return [name for name in self.used_streams if not present[name]]

    def personal_parameters(self) -> list[str]:
        """Names of the parameters that tell users apart; empty without such."""
        return []

    def forget_users(self) -> None:
        """Make every user the unknown one, so that all are predicted alike."""
        return

    def recurrent_part(self) -> RecurrentPart | None:
        """The part that may start as a trained LSTM; None without such."""
        return None

    def stream_gates(self, window: ViewportWindow) -> dict[str, Tensor]:
        """Gate of each stream, in [0, 1], by name, each of shape ``(batch,)``.

        Empty for a model without gates.
        """
        return {}

    @property
    def name(self) -> str:
        """The class's name as the tables show it: ConstantVelocity is constant_velocity."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def describe(self, data: WindowSpec | None = None) -> str:
        """One line: name, size, and what the data lack; ``data`` as in `absent_streams`."""
        absent = self.absent_streams(data)
        masked = f"; masked, as the data lack them: {', '.join(absent)}" if absent else ""
        total = sum(parameter.numel() for parameter in self.parameters())
        frozen = f" of {total:,}" if self.parameter_count < total else ""
        return f"{self.name}: {self.parameter_count:,} trainable parameters{frozen}{masked}"

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)
