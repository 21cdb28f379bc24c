"""The recurrent encoder-decoder that several models share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vpnet.geometry.directions import normalize

State = tuple[Tensor, Tensor]


class EncoderDecoder(nn.Module):
    """Reads the history step by step, then writes the future step by step.

    Each decoder step adds its output to the direction it was given and normalises the sum, so an
    output of zero holds the head still; the result is the next step's input. It starts so.

    Args:
        features: Numbers a step of the history.
        hidden: Units a layer.
        layers: Number of layers.
    """

    def __init__(self, features: int = 3, hidden: int = 256, layers: int = 2) -> None:
        super().__init__()
        self.encoder = nn.LSTM(features, hidden, layers, batch_first=True)
        self.decoder = nn.LSTM(3, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, 3)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(
        self,
        history: Tensor,
        direction: Tensor,
        steps: int,
        state: State | None = None,
        enrich: Callable[[int, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Directions of the steps to come.

        Args:
            history: Shape ``(batch, history, features)``.
            direction: At the anchor, ``(batch, 3)``.
            steps: How many are asked for.
            state: Hidden and cell state before the history, ``(layers, batch, hidden)`` each; zero
                by default.
            enrich: As in `decode`.

        Returns:
            Unit vectors, ``(batch, steps, 3)``.
        """
        _, state = self.encoder(history, state)
        return self.decode(direction, steps, state, enrich)

    def decode(
        self,
        direction: Tensor,
        steps: int,
        state: State | None,
        enrich: Callable[[int, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Directions of the steps to come, from the state that the history has left.

        Args:
            direction: At the anchor, ``(batch, 3)``.
            steps: How many are asked for.
            state: What ``encoder`` gave.
            enrich: Changes the decoder's result, ``(batch, hidden)``, of a step counted from 1,
                before it becomes a direction.

        Returns:
            Unit vectors, ``(batch, steps, 3)``.
        """
        direction = direction.unsqueeze(1)
        predicted = []
        for step in range(1, steps + 1):
            hidden, state = self.decoder(direction, state)
            if enrich is not None:
                hidden = enrich(step, hidden[:, 0]).unsqueeze(1)
            direction = normalize(direction + self.output(hidden))
            predicted.append(direction)
        return torch.cat(predicted, dim=1)
