"""The position-only LSTM: encoder and decoder over past directions, residual output.

"Deep position only" of Romero Rondon, Sassatelli, Aparicio-Pardo, Precioso: TRACK, IEEE TPAMI 2021,
doi 10.1109/TPAMI.2021.3070520. Differences: two layers of 256 units instead of one of 1024; the
encoder reads the history's velocity in addition to its directions unless ``velocity=False``; and
the decoder may attend, at every horizon, to where others looked.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import normalize
from vpnet.models.crowd_attention import CrowdAttention, CrowdMemory
from vpnet.models.forecaster import Forecaster, RecurrentPart
from vpnet.models.streams import HeadVectors
from vpnet.settings import Layers, Units, checked

State = tuple[Tensor, Tensor]
"""Hidden and cell state, ``(layers, batch, hidden)`` each."""

UpdateHidden = Callable[[int, Tensor], Tensor]
"""Changes the decoder output, ``(batch, hidden)``, of a step counted from 1, before it becomes a
direction."""


class EncoderDecoder(nn.Module):
    """Reads the history step by step, then writes the future step by step.

    Each decoder step adds its output to the direction it was given and normalises the sum; the
    result is the next step's input. The output layer starts at zero, which holds the head still.
    The encoder reads ``features`` numbers at each step of the history, the decoder a direction.
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
        update_hidden: UpdateHidden | None = None,
    ) -> Tensor:
        """Directions of the future steps.

        Args:
            history: Shape ``(batch, history, features)``.
            direction: At the anchor, ``(batch, 3)``.
            steps: Number of future steps.
            state: Before the history; None for zero.
            update_hidden: Applied at every future step.

        Returns:
            Unit vectors, ``(batch, steps, 3)``.
        """
        _, state = self.encoder(history, state)
        return self.decode(direction, steps, state, update_hidden)

    def decode(
        self,
        direction: Tensor,
        steps: int,
        state: State | None,
        update_hidden: UpdateHidden | None = None,
    ) -> Tensor:
        """Directions of the future steps, as `forward`, from the state after the history."""
        direction = direction.unsqueeze(1)
        predicted = []
        for step in range(1, steps + 1):
            hidden, state = self.decoder(direction, state)
            if update_hidden is not None:
                hidden = update_hidden(step, hidden[:, 0]).unsqueeze(1)
            direction = normalize(direction + self.output(hidden))
            predicted.append(direction)
        return torch.cat(predicted, dim=1)


@checked
class LSTM(Forecaster):
    """An LSTM reads the history, another one writes the future, a residual at every step.

    Args:
        spec: What the windows look like.
        hidden: Units per layer.
        layers: Layers of the encoder and of the decoder.
        crowd: Attend to where the training viewers of the same video looked; masked where the data
            have none.
        velocity: The encoder reads how fast the head turns in addition to where it points; false is
            as published.
    """

    def __init__(
        self,
        spec: WindowSpec,
        hidden: Units = 256,
        layers: Layers = 2,
        *,
        crowd: bool = False,
        velocity: bool = True,
    ) -> None:
        super().__init__(spec)
        self.used_streams = ("crowd",) if crowd else ()
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        self.recurrent = EncoderDecoder(self.head.features, hidden, layers)
        self.crowd_attention = None
        if crowd and spec.has_crowd:
            self.crowd_attention = CrowdAttention(spec, hidden, in_world=True)
        self._column_of_step = {step: column for column, step in enumerate(spec.horizon_steps)}

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        update_hidden = None
        if self.crowd_attention is not None:
            memory = self.crowd_attention.read(window)
            update_hidden = partial(self._attend_to_crowd, self.crowd_attention, memory)
        steps = self.spec.horizon_steps
        last = window.history_directions[:, -1]
        history = self.head(window)
        predicted = self.recurrent(history, last, steps[-1], update_hidden=update_hidden)
        return predicted[:, [step - 1 for step in steps]]

    def _attend_to_crowd(
        self, attention: CrowdAttention, memory: CrowdMemory, step: int, hidden: Tensor
    ) -> Tensor:
        """The decoder output, with the context of the crowd added where the step is a horizon."""
        if step not in self._column_of_step:
            return hidden
        return hidden + attention.attend_at(self._column_of_step[step], hidden, memory)

    def recurrent_part(self) -> RecurrentPart:
        """The encoder-decoder."""
        return RecurrentPart(self.recurrent, self.head.features)
