"""The position-only LSTM: encoder and decoder over past directions, residual output.

"Deep position only" of Romero Rondon, Sassatelli, Aparicio-Pardo, Precioso: TRACK, IEEE TPAMI 2021,
doi 10.1109/TPAMI.2021.3070520. Differences: two layers of 256 units instead of one of 1024.
"""

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import normalize
from vpnet.models.forecaster import Forecaster


class LSTM(Forecaster):
    """Reads the history step by step, then writes the future step by step.

    Each decoder step adds its output to the direction it was given and normalises the sum, so an
    output of zero holds the head still; the result is the next step's input.

    Args:
        spec: What the windows look like.
        hidden: Units a layer.
        layers: Number of layers.
    """

    def __init__(self, spec: WindowSpec, hidden: int = 256, layers: int = 2) -> None:
        super().__init__(spec)
        self.encoder = nn.LSTM(3, hidden, layers, batch_first=True)
        self.decoder = nn.LSTM(3, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, 3)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        direction = window.history_directions[:, -1:]
        _, state = self.encoder(window.history_directions)
        wanted = set(self.spec.horizon_steps)
        predicted = []
        for step in range(1, self.spec.horizon_steps[-1] + 1):
            hidden, state = self.decoder(direction, state)
            direction = normalize(direction + self.output(hidden))
            if step in wanted:
                predicted.append(direction)
        return torch.cat(predicted, dim=1)
