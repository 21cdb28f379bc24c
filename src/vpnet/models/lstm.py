"""The position-only LSTM: encoder and decoder over past directions, residual output.

"Deep position only" of Romero Rondon, Sassatelli, Aparicio-Pardo, Precioso: TRACK, IEEE TPAMI 2021,
doi 10.1109/TPAMI.2021.3070520. Differences: two layers of 256 units instead of one of 1024; the
encoder reads the history's velocity beside its directions unless ``velocity=False``; and where
others looked may be asked at every horizon.
"""

from functools import partial

from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.crowd_attention import CrowdAttention, CrowdMemory
from vpnet.models.forecaster import Forecaster, RecurrentPart
from vpnet.models.recurrent import EncoderDecoder
from vpnet.models.streams import HeadVectors
from vpnet.settings import Layers, Units, checked


@checked
class LSTM(Forecaster):
    """See `EncoderDecoder`.

    Args:
        spec: What the windows look like.
        hidden: Units a layer.
        layers: Number of layers.
        crowd: Ask where the training viewers of the same video looked.
        velocity: The encoder reads how fast the head turns beside where it points.
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
        self.asked_streams = ("crowd",) if crowd else ()
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        self.recurrent = EncoderDecoder(self.head.features, hidden, layers)
        self.crowd_attention = None
        if crowd and spec.has_crowd:
            self.crowd_attention = CrowdAttention(spec, hidden, in_world=True)
        self._horizon = {step: column for column, step in enumerate(spec.horizon_steps)}

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        enrich = None
        if self.crowd_attention is not None:
            memory = self.crowd_attention.read(window)
            enrich = partial(self._ask, self.crowd_attention, memory)
        history = self.head(window)
        steps = self.spec.horizon_steps
        last = window.history_directions[:, -1]
        predicted = self.recurrent(history, last, steps[-1], enrich=enrich)
        return predicted[:, [step - 1 for step in steps]]

    def _ask(
        self, attention: CrowdAttention, memory: CrowdMemory, step: int, hidden: Tensor
    ) -> Tensor:
        """What the decoder says at a step, and the crowd's answer where the step is a horizon."""
        if step not in self._horizon:
            return hidden
        return hidden + attention.ask_at(self._horizon[step], hidden, memory)

    def recurrent_part(self) -> RecurrentPart:
        """See `Forecaster`."""
        return RecurrentPart(self.recurrent, self.head.features)
