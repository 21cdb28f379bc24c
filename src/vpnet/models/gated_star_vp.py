"""The small variant of MUSE-VP: head, eyes and face are weighed step by step before STAR-VP's LSTM.

vpnet's own extension of Gao et al., ACM MM 2024 (`vpnet.models.star_vp_network`).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.forecaster import Answer, Forecaster
from vpnet.models.star_vp_network import Inputs, StarVPNetwork, StarVPTrace
from vpnet.models.streams import (
    EYE_FEATURES,
    HeadVectors,
    eye_features,
    face_stream,
)
from vpnet.settings import MlpRatio, Share, Units, checked


class GatedTrace(NamedTuple):
    """A prediction and the weights of the streams."""

    network: StarVPTrace
    """How the prediction came about."""
    gates: dict[str, Tensor]
    """Weight of each stream at each step, which sum to 1; 0 where it was not measured,
    ``(batch, history)``."""

    @property
    def directions(self) -> Tensor:
        """Unit vectors, ``(batch, horizon, 3)``."""
        return self.network.directions


@checked
class GatedStarVP(Forecaster):
    """STAR-VP whose LSTM reads a weighted sum of what head, eyes and face say at each step.

    Args:
        spec: What the windows look like.
        width: Of what each stream says, and of their sum.
        widening: Width of the MLPs in the attention over that of their tokens.
        dropout: In the attention.
        reconstruct_past: See `vpnet.models.star_vp.StarVP`, as the next.
        velocity: What the head says knows how fast it turns.
    """

    saliency_view = "points"
    asked_streams = ("eye", "face", "saliency")

    def __init__(
        self,
        spec: WindowSpec,
        *,
        width: Units = 64,
        widening: MlpRatio = 1,
        dropout: Share = 0.1,
        reconstruct_past: bool = False,
        velocity: bool = False,
    ) -> None:
        super().__init__(spec)
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        features = {"head": self.head.features}
        if spec.present["eye"]:
            features["eye"] = EYE_FEATURES
        if spec.present["face"]:
            features["face"] = spec.face_features
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(count, width), nn.GELU(), nn.Linear(width, width))
                for name, count in features.items()
            }
        )
        self.weigh = nn.Linear(len(features) * width, len(features))
        self.network = StarVPNetwork(
            spec,
            features=width,
            widening=widening,
            dropout=dropout,
            reconstruct_past=reconstruct_past,
        )

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        return self.trace(window).directions

    def trace(self, window: ViewportWindow) -> GatedTrace:
        """Predict, and give the weights as well."""
        history = self.head(window)
        # Windows are only cut where the head's whole history was measured.
        features, valid = {"head": history}, {"head": torch.ones_like(window.history_valid)}
        if "eye" in self.encoders:
            features["eye"], valid["eye"] = eye_features(window), window.gaze_valid
        if "face" in self.encoders:
            features["face"], valid["face"] = face_stream(window)
        said = {
            name: encode(features[name]) * valid[name].unsqueeze(-1)
            for name, encode in self.encoders.items()
        }
        measured = torch.stack([valid[name] for name in said], dim=-1)
        weights = self.weigh(torch.cat(list(said.values()), dim=-1))
        weights = weights.masked_fill(~measured, -torch.inf).softmax(dim=-1)
        stacked = torch.stack(list(said.values()), dim=-1)
        summed = (stacked * weights.to(stacked.dtype).unsqueeze(2)).sum(dim=-1)
        gates = {name: weights[..., column] for column, name in enumerate(said)}
        return GatedTrace(self.network(window, Inputs(summed)), gates)

    def answer(self, window: ViewportWindow) -> Answer:
        """See `Forecaster`."""
        return self.trace(window).network.answer

    def stream_gates(self, window: ViewportWindow) -> dict[str, Tensor]:
        """See `Forecaster`: the weights at the anchor."""
        return {name: gate[:, -1] for name, gate in self.trace(window).gates.items()}
