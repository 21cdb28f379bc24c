"""The small variant of MUSE-VP: weights of head, eyes and face at each step, before STAR-VP's LSTM.

vpnet's own extension of Gao et al., ACM MM 2024 (`vpnet.models.star_vp`).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.forecaster import Forecaster, TrainingOutput
from vpnet.models.star_vp import AS_PUBLISHED, NetworkInputs, StarVPNetwork, StarVPTrace
from vpnet.models.streams import EYE_FEATURES, HeadVectors, eye_features, face_stream
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
    """STAR-VP whose LSTM reads a weighted sum of the encoded head, eyes and face of each step.

    Args:
        spec: What the windows look like.
        width: Width of the vector that each stream is encoded into, and of their weighted sum.
        mlp_ratio: MLP ratio of the attention blocks: the width of their hidden layer over that of
            the tokens.
        dropout: Dropout of the attention blocks.
        reconstruct_past: Reconstruct the history in training as well, as published together with
            training.loss=mse.
        velocity: The head's encoder reads how fast the head turns in addition to where it points,
            which trains far faster.
        hidden: Units of each LSTM layer and width of the attention's tokens, a multiple of 8.
    """

    saliency_view = "points"
    used_streams = ("eye", "face", "saliency")

    def __init__(
        self,
        spec: WindowSpec,
        *,
        width: Units = 64,
        mlp_ratio: MlpRatio = 1,
        dropout: Share = 0.1,
        reconstruct_past: bool = False,
        velocity: bool = False,
        hidden: Units = 256,
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
            width,
            AS_PUBLISHED,
            hidden=hidden,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            reconstruct_past=reconstruct_past,
        )

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        return self.trace(window).directions

    def trace(self, window: ViewportWindow) -> GatedTrace:
        """Predict, and give the weights as well."""
        # Windows are only cut where the head's whole history was measured.
        streams = {"head": (self.head(window), torch.ones_like(window.history_valid))}
        if "eye" in self.encoders:
            streams["eye"] = eye_features(window), window.gaze_valid
        if "face" in self.encoders:
            streams["face"] = face_stream(window)
        encoded = [
            self.encoders[name](features) * valid.unsqueeze(-1)
            for name, (features, valid) in streams.items()
        ]
        measured = torch.stack([valid for _, valid in streams.values()], dim=-1)
        weights = self.weigh(torch.cat(encoded, dim=-1))
        weights = weights.masked_fill(~measured, -torch.inf).softmax(dim=-1)
        stacked = torch.stack(encoded, dim=-1)
        summed = (stacked * weights.to(stacked.dtype).unsqueeze(2)).sum(dim=-1)
        gates = {name: weights[..., column] for column, name in enumerate(streams)}
        return GatedTrace(self.network(window, NetworkInputs(summed)), gates)

    def training_output(self, window: ViewportWindow) -> TrainingOutput:
        """The weighted sum before it is normalised, and the reconstructed history."""
        return self.trace(window).network.training_output

    def stream_gates(self, window: ViewportWindow) -> dict[str, Tensor]:
        """The weights at the anchor, by stream."""
        return {name: gate[:, -1] for name, gate in self.trace(window).gates.items()}
