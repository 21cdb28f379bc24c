"""MUSE-VP: STAR-VP that also knows the viewer's eyes, face and person, each by a switch of its own.

vpnet's own extension of Gao et al., ACM MM 2024 (`vpnet.models.star_vp_network`). With every switch
off it is STAR-VP, number for number.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.forecaster import Answer, Forecaster, RecurrentPart
from vpnet.models.recurrent import State
from vpnet.models.star_vp_network import HIDDEN, Inputs, StarVPNetwork, StarVPTrace
from vpnet.models.streams import (
    EYE_FEATURES,
    HeadVectors,
    eye_features,
    held_gaze,
    mean_face,
)
from vpnet.models.user_embedding import UserEmbedding
from vpnet.settings import MlpRatio, Positive, Share, checked

USER_WIDTH = 32
FACE_WIDTH = 16
LAYERS = 2


@checked
class MuseVP(Forecaster):
    """STAR-VP with four switches; a stream that the data lack is switched off.

    Args:
        spec: What the windows look like.
        eye_lstm: The LSTM reads the eyes as well.
        lstm: ``single``: one LSTM reads head and eyes; ``dual``: one each, and the eyes' last state
            joins the decoder's result.
        eye_spatial: The viewpoint of the spatial attention knows the gaze; of steps to come the
            last one, which is held.
        eye_spatial_mode: ``concat``: as three numbers more; ``add``: projected and added.
        face_gating: The gate knows the face.
        face_window_s: Stretch before the anchor over which the face is averaged.
        user_embed: Learn a vector per user, from which the head's LSTM starts.
        unknown_share: Share of the training windows whose user is hidden.
        crowd: Ask where the training viewers of the same video looked.
        widening: Width of the MLPs in the attention over that of their tokens.
        dropout: In the attention.
        reconstruct_past: See `vpnet.models.star_vp.StarVP`, as the next.
        velocity: The LSTM reads how fast the head turns.
    """

    saliency_view = "points"

    def __init__(
        self,
        spec: WindowSpec,
        *,
        eye_lstm: bool = True,
        lstm: Literal["single", "dual"] = "single",
        eye_spatial: bool = True,
        eye_spatial_mode: Literal["concat", "add"] = "concat",
        face_gating: bool = True,
        face_window_s: Positive = 0.5,
        user_embed: bool = True,
        unknown_share: Share = 0.1,
        crowd: bool = False,
        widening: MlpRatio = 1,
        dropout: Share = 0.1,
        reconstruct_past: bool = False,
        velocity: bool = False,
    ) -> None:
        super().__init__(spec)
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        self.asked_streams = (
            "saliency",
            *(("eye",) if eye_lstm or eye_spatial else ()),
            *(("face",) if face_gating else ()),
            *(("crowd",) if crowd else ()),
        )
        # The samples at most so long before the anchor, its own among them.
        self.face_steps = math.floor(face_window_s * spec.sampling_rate_hz + 1e-6) + 1
        present = spec.present
        eye_lstm, eye_spatial = eye_lstm and present["eye"], eye_spatial and present["eye"]
        self.reads_eyes, is_dual = eye_lstm, eye_lstm and lstm == "dual"
        single_eyes = EYE_FEATURES if eye_lstm and not is_dual else 0
        self.sees_gaze, adds_gaze = eye_spatial, eye_spatial and eye_spatial_mode == "add"
        self.network = StarVPNetwork(
            spec,
            features=self.head.features + single_eyes,
            beside=is_dual,
            extra=3 if eye_spatial and not adds_gaze else 0,
            gate_extra=FACE_WIDTH if face_gating and present["face"] else 0,
            crowd=crowd,
            widening=widening,
            dropout=dropout,
            reconstruct_past=reconstruct_past,
        )
        self.eye_encoder = (
            nn.LSTM(EYE_FEATURES, HIDDEN, LAYERS, batch_first=True) if is_dual else None
        )
        self.gaze = nn.Linear(3, HIDDEN) if adds_gaze else None
        self.face = None
        if face_gating and present["face"]:
            self.face = nn.Sequential(nn.Linear(spec.face_features, FACE_WIDTH), nn.ReLU())
        self.user = self.start = None
        if user_embed:
            self.user = UserEmbedding(spec.users, USER_WIDTH, unknown_share)
            self.start = nn.Linear(USER_WIDTH, 2 * LAYERS * HIDDEN)

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        return self.trace(window).directions

    def trace(self, window: ViewportWindow) -> StarVPTrace:
        """Predict, and give what the prediction was made of."""
        history = self.head(window)
        beside = None
        if self.reads_eyes:
            eyes = eye_features(window)
            if self.eye_encoder is None:
                history = torch.cat((history, eyes), dim=2)
            else:
                beside = self.eye_encoder(eyes)[1][0][-1]
        extra = added = None
        if self.sees_gaze:
            gaze = held_gaze(window, len(self.spec.horizon_steps))
            extra, added = (gaze, None) if self.gaze is None else (None, self.gaze(gaze))
        face = None if self.face is None else self.face(mean_face(window, self.face_steps))
        return self.network(
            window, Inputs(history, self._start(window), beside, extra, added, face)
        )

    def answer(self, window: ViewportWindow) -> Answer:
        """See `Forecaster`."""
        return self.trace(window).answer

    def recurrent_part(self) -> RecurrentPart | None:
        """See `Forecaster`; with two LSTMs what they say is joined, and neither stands alone."""
        if self.eye_encoder is not None:
            return None
        return RecurrentPart(self.network.recurrent, self.head.features)

    def personal_parameters(self) -> list[str]:
        """See `Forecaster`: the users' vectors and what makes states of them."""
        return [name for name, _ in self.named_parameters() if name.startswith(("user.", "start."))]

    def forget_users(self) -> None:
        """See `Forecaster`."""
        if self.user is not None:
            self.user.forget()

    def _start(self, window: ViewportWindow) -> State | None:
        """h0 = tanh(W_h u), c0 = tanh(W_c u) for every layer of the head's LSTM."""
        if self.user is None or self.start is None:
            return None
        start = torch.tanh(self.start(self.user(window.user_index)))
        hidden, cell = start.unflatten(1, (2, LAYERS, HIDDEN)).permute(1, 2, 0, 3)
        return hidden.contiguous(), cell.contiguous()
