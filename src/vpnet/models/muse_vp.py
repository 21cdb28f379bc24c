"""MUSE-VP: STAR-VP that also reads the viewer's eyes, face and identity, each by its own switch.

vpnet's own extension of Gao et al., ACM MM 2024 (`vpnet.models.star_vp`). With every switch off it
is STAR-VP, number for number.
"""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.forecaster import RecurrentPart
from vpnet.models.lstm import State
from vpnet.models.star_vp import LAYERS, ExtraWidths, NetworkInputs, StarVP
from vpnet.models.streams import EYE_FEATURES, eye_features, held_gaze, mean_face
from vpnet.models.user_embedding import UserEmbedding
from vpnet.settings import MlpRatio, Share, Units, checked

USER_WIDTH = 32
FACE_WIDTH = 16


@checked
class MuseVP(StarVP):
    """STAR-VP with four switches; a stream that the data lack is switched off.

    Args:
        spec: What the windows look like.
        eye_lstm: The LSTM reads the eyes as well.
        lstm: single: one LSTM reads head and eyes. dual: one LSTM each, and the last state of the
            eyes' is concatenated to the decoder's output.
        eye_spatial: The viewpoint tokens of the spatial attention contain the gaze, at future steps
            the last one measured.
        eye_spatial_mode: How they contain it: concatenated as three numbers (concat), or projected
            and added (add).
        face_gating: The gate between the recurrent and the attentive prediction reads the face.
        face_window_s: Seconds before the anchor over which the face is averaged for the gate.
        user_embed: Learn a vector per user, which sets the initial state of the head's LSTM.
        unknown_share: Share of the training windows shown without their user, so that users who
            were not trained on are predicted too.
        crowd: Attend to where the training viewers of the same video looked; masked where the data
            have none.
        mlp_ratio: MLP ratio of the attention blocks: the width of their hidden layer over that of
            the tokens.
        dropout: Dropout of the attention blocks.
        reconstruct_past: Reconstruct the history in training as well, as published together with
            training.loss=mse.
        velocity: The LSTM reads how fast the head turns in addition to where it points,
            which trains far faster; false is as published.
        hidden: Units of each LSTM layer and width of the attention's tokens, a multiple of 8.
    """

    def __init__(
        self,
        spec: WindowSpec,
        *,
        eye_lstm: bool = True,
        lstm: Literal["single", "dual"] = "single",
        eye_spatial: bool = True,
        eye_spatial_mode: Literal["concat", "add"] = "concat",
        face_gating: bool = True,
        face_window_s: Annotated[float, Field(gt=0, le=3600)] = 0.5,
        user_embed: bool = True,
        unknown_share: Share = 0.1,
        crowd: bool = False,
        mlp_ratio: MlpRatio = 1,
        dropout: Share = 0.1,
        reconstruct_past: bool = False,
        velocity: bool = False,
        hidden: Units = 256,
    ) -> None:
        present = spec.present
        reads_eyes = eye_lstm and present["eye"]
        is_dual = reads_eyes and lstm == "dual"
        sees_gaze = eye_spatial and present["eye"]
        adds_gaze = sees_gaze and eye_spatial_mode == "add"
        reads_face = face_gating and present["face"]
        super().__init__(
            spec,
            crowd=crowd,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            reconstruct_past=reconstruct_past,
            velocity=velocity,
            hidden=hidden,
            extra=ExtraWidths(
                history=EYE_FEATURES if reads_eyes and not is_dual else 0,
                context=hidden if is_dual else 0,
                viewpoint=3 if sees_gaze and not adds_gaze else 0,
                gate=FACE_WIDTH if reads_face else 0,
            ),
        )
        self.used_streams = (
            "saliency",
            *(("eye",) if eye_lstm or eye_spatial else ()),
            *(("face",) if face_gating else ()),
            *(("crowd",) if crowd else ()),
        )
        # The samples at most so long before the anchor, its own among them.
        self.face_steps = math.floor(face_window_s * spec.sampling_rate_hz + 1e-6) + 1
        self.reads_eyes, self.sees_gaze = reads_eyes, sees_gaze
        self.eye_encoder = (
            nn.LSTM(EYE_FEATURES, hidden, LAYERS, batch_first=True) if is_dual else None
        )
        self.gaze = nn.Linear(3, hidden) if adds_gaze else None
        self.face = None
        if reads_face:
            self.face = nn.Sequential(nn.Linear(spec.face_features, FACE_WIDTH), nn.ReLU())
        self.user = self.start = None
        if user_embed:
            self.user = UserEmbedding(spec.users, USER_WIDTH, unknown_share)
            self.start = nn.Linear(USER_WIDTH, 2 * LAYERS * hidden)

    def inputs(self, window: ViewportWindow) -> NetworkInputs:
        """What the network reads of a batch of windows, with what the switches add."""
        inputs = super().inputs(window)
        if self.reads_eyes:
            eyes = eye_features(window)
            if self.eye_encoder is None:
                inputs = inputs._replace(history=torch.cat((inputs.history, eyes), dim=2))
            else:
                inputs = inputs._replace(context=self.eye_encoder(eyes)[1][0][-1])
        if self.sees_gaze:
            gaze = held_gaze(window, len(self.spec.horizon_steps))
            if self.gaze is None:
                inputs = inputs._replace(viewpoint=gaze)
            else:
                inputs = inputs._replace(viewpoint_embedding=self.gaze(gaze))
        if self.face is not None:
            inputs = inputs._replace(gate=self.face(mean_face(window, self.face_steps)))
        return inputs._replace(state=self._initial_state(window))

    def recurrent_part(self) -> RecurrentPart | None:
        """The LSTM's encoder-decoder; None with two LSTMs, whose outputs are joined."""
        return super().recurrent_part() if self.eye_encoder is None else None

    def personal_parameters(self) -> list[str]:
        """The users' vectors and the layer that makes initial states of them."""
        return [name for name, _ in self.named_parameters() if name.startswith(("user.", "start."))]

    def forget_users(self) -> None:
        """Make every user the unknown one."""
        if self.user is not None:
            self.user.forget()

    def _initial_state(self, window: ViewportWindow) -> State | None:
        """h0 = tanh(W_h u), c0 = tanh(W_c u) for every layer of the head's LSTM."""
        if self.user is None or self.start is None:
            return None
        start = torch.tanh(self.start(self.user(window.user_index)))
        hidden, cell = start.unflatten(1, (2, LAYERS, -1)).permute(1, 2, 0, 3)
        return hidden.contiguous(), cell.contiguous()
