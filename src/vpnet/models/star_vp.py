"""STAR-VP as published: head motion and the video's salient points.

Source: Gao et al., ACM MM 2024, doi 10.1145/3664647.3681268; see `vpnet.models.star_vp_network`.
Differences: the LSTM's directions are normalised at every step; its output and that of the
attention start at zero, so that the prediction starts from the static baseline; a step without a
map asks a learned vector; the loss is the great-circle distance by default; maps of any size are
scaled to a maximum of 1, and the 128 points are the same share of their pixels
(`vpnet.saliency.salient_points.map_points`).
"""

from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.forecaster import Answer, Forecaster, RecurrentPart
from vpnet.models.star_vp_network import Inputs, StarVPNetwork, StarVPTrace
from vpnet.models.streams import HeadVectors
from vpnet.settings import MlpRatio, Share, checked


@checked
class StarVP(Forecaster):
    """The published model.

    Args:
        spec: What the windows look like.
        crowd: Ask where the training viewers of the same video looked.
        widening: Width of the MLPs in the attention over that of their tokens.
        dropout: In the attention.
        reconstruct_past: Tell the history again in training, as published; use with the loss
            ``mse``.
        velocity: The LSTM reads how fast the head turns beside where it points; not published.
    """

    saliency_view = "points"

    def __init__(
        self,
        spec: WindowSpec,
        *,
        crowd: bool = False,
        widening: MlpRatio = 1,
        dropout: Share = 0.1,
        reconstruct_past: bool = False,
        velocity: bool = False,
    ) -> None:
        super().__init__(spec)
        self.asked_streams = ("saliency", "crowd") if crowd else ("saliency",)
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        self.network = StarVPNetwork(
            spec,
            features=self.head.features,
            crowd=crowd,
            widening=widening,
            dropout=dropout,
            reconstruct_past=reconstruct_past,
        )

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        return self.trace(window).directions

    def trace(self, window: ViewportWindow) -> StarVPTrace:
        """Predict, and give what the prediction was made of."""
        history = self.head(window)
        return self.network(window, Inputs(history))

    def answer(self, window: ViewportWindow) -> Answer:
        """See `Forecaster`."""
        return self.trace(window).answer

    def recurrent_part(self) -> RecurrentPart:
        """See `Forecaster`."""
        return RecurrentPart(self.network.recurrent, self.head.features)
