"""The fusion model: gaze, face and head encoders, personalised gates, attention to saliency.

vpnet's own model. Head, eye, eye-in-head offset and face are each encoded; a gate that knows the
viewer weighs every component; the weighed vector becomes the trajectory state, which attends to the
saliency maps ahead (or the maps attend to the viewer's streams) and turns into one rotation per
horizon. Yaw is relative to the anchor, elevation absolute (`vpnet.models.streams`); the viewer's
vector, learned or made of their answers, enters the gates as it is; the horizons' networks make up
most of the parameters, so these grow with the number of horizons.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.errors import InputError
from vpnet.geometry.tangent import from_tangent
from vpnet.models.crowd_attention import CrowdAttention
from vpnet.models.forecaster import Forecaster
from vpnet.models.saliency_attention import PersonalSaliency, SaliencyAttention, SaliencyEncoder
from vpnet.models.streams import (
    STREAM_FEATURES,
    eye_stream,
    face_stream,
    head_stream,
    offset_stream,
)
from vpnet.models.user_embedding import AnsweredProfile, UserEmbedding
from vpnet.settings import NonNegative, Share, Units, checked

Stream = Literal["head", "eye", "offset", "face"]
Projection = Literal["linear", "conv"]
TemporalEncoder = Literal["gru", "transformer"]

PROJECTION_SHARE = {"head": 8, "eye": 8, "offset": 16, "face": 16}
HIDDEN_SHARE = {"head": 2, "eye": 2, "offset": 4, "face": 8}
USER_SHARE = 4
TOKEN_SHARE = 2
HEAD_SHARE = 2
"""Widths of the parts: that of the trajectory state divided by so much."""

ATTENTION_HEADS = 4
MULTIPLE_OF = ATTENTION_HEADS * max(HIDDEN_SHARE.values())


class StreamEncoder(nn.Module):
    """Projects every step of a stream to ``width``, then reads the steps in order.

    The projection is ``linear``, or ``conv`` (kernel 3 over time). The encoder is ``gru`` (its last
    state), or ``transformer`` (a class token that attends to the measured steps; learned positions,
    2 layers, 4 heads); ``hidden`` is the width of its result.
    """

    def __init__(
        self,
        features: int,
        width: int,
        hidden: int,
        history_steps: int,
        projection: Projection = "linear",
        encoder: TemporalEncoder = "gru",
    ) -> None:
        super().__init__()
        self.projection = (
            nn.Linear(features, width)
            if projection == "linear"
            else nn.Conv1d(features, width, kernel_size=3, padding=1)
        )
        self.norm = nn.LayerNorm(width)
        self.encoder = (
            nn.GRU(width, hidden, batch_first=True)
            if encoder == "gru"
            else _ClassTokenTransformer(width, hidden, history_steps)
        )

    def forward(self, features: Tensor, valid: Tensor) -> Tensor:
        """Encode a batch of histories.

        Args:
            features: Masked features, shape ``(batch, history, features)``.
            valid: Which steps were measured, shape ``(batch, history)``.

        Returns:
            Shape ``(batch, hidden)``; 0 where no step was measured.
        """
        if isinstance(self.projection, nn.Conv1d):
            projected = self.projection(features.transpose(1, 2)).transpose(1, 2)
        else:
            projected = self.projection(features)
        projected = self.norm(projected)
        if isinstance(self.encoder, nn.GRU):
            encoded = self.encoder(projected)[1][-1]
        else:
            encoded = self.encoder(projected, valid)
        return encoded * valid.any(dim=1, keepdim=True)


class _ClassTokenTransformer(nn.Module):
    def __init__(self, width: int, hidden: int, history_steps: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, hidden)
        self.class_token = nn.Parameter(torch.randn(1, 1, hidden) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, history_steps, hidden) * 0.02)
        layer = nn.TransformerEncoderLayer(
            hidden,
            nhead=ATTENTION_HEADS,
            dim_feedforward=2 * hidden,
            dropout=0.1,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, projected: Tensor, valid: Tensor) -> Tensor:
        steps = self.widen(projected) + self.positions
        tokens = torch.cat((self.class_token.expand(len(steps), -1, -1), steps), dim=1)
        hidden_steps = torch.nn.functional.pad(~valid, (1, 0), value=False)
        return self.norm(self.layers(tokens, src_key_padding_mask=hidden_steps)[:, 0])


class HorizonHeads(nn.Module):
    """Per horizon a rotation in the tangent plane: Linear, GELU, dropout, Linear to (east, north).

    The last layer starts at zero, so an untrained model is the static baseline.
    """

    def __init__(
        self, state_width: int, horizons: int, hidden: int = 128, dropout: float = 0.2
    ) -> None:
        super().__init__()
        # All first layers in one matrix product; the second ones stay apart.
        self.first = nn.Linear(state_width, horizons * hidden)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Parameter(torch.zeros(horizons, hidden, 2))
        self.bias = nn.Parameter(torch.zeros(horizons, 2))

    def forward(self, state: Tensor, viewport_center: Tensor) -> Tensor:
        """Directions at the horizons.

        Args:
            state: Shape ``(batch, state_width)``, or ``(batch, horizon, state_width)`` where every
                horizon has a state of its own.
            viewport_center: At the anchor, shape ``(batch, 3)``.

        Returns:
            Unit vectors, shape ``(batch, horizon, 3)``.
        """
        shape = self.second.shape[:2]
        if state.ndim == 2:
            hidden = self.first(state).unflatten(1, shape)
        else:
            weight = self.first.weight.unflatten(0, shape)
            bias = self.first.bias.unflatten(0, shape)
            hidden = torch.einsum("bhs,hus->bhu", state, weight) + bias
        hidden = self.dropout(nn.functional.gelu(hidden))
        # In bf16 a direction is only good to 0.4 degrees: the last step is in full precision.
        with torch.autocast(hidden.device.type, enabled=False):
            offset_rad = torch.einsum("bhu,huc->bhc", hidden.to(self.second.dtype), self.second)
            return from_tangent(viewport_center.unsqueeze(1), offset_rad + self.bias)


class FusionTrace(NamedTuple):
    """A prediction and how it came about."""

    directions: Tensor
    """Unit vectors, shape ``(batch, horizon, 3)``."""
    gates: dict[str, Tensor]
    """Per stream, in [0, 1], 0 where the stream is absent, shape ``(batch, hidden)``."""
    crowd_weights: Tensor | None
    """Weight of each viewer of the crowd, ``(batch, horizon, viewers)``; None without it."""
    saliency: Tensor | None
    """Personalised maps at the moments `WindowSpec.saliency_times_s`, solid-angle normalised, 0 for
    windows without one, ``(batch, moments, 14, 28)``; None but for ``query=saliency``.
    `vpnet.models.saliency_attention.upsample_maps` makes them larger."""


@checked
class Fusion(Forecaster):
    """Sensor fusion with personalised gates.

    Args:
        spec: What the windows look like.
        streams: Sensor streams to use, one at least; a stream that the data lack is masked. Without
            the head a prediction still starts from where it points now.
        user_embed: Learn a vector per user; false predicts all users alike, but for their answers.
        questionnaire: Use what viewers answered in a questionnaire beforehand, masked where they
            did not. Unlike a vector per user it also serves people who were not trained on.
        saliency: Attend to the saliency maps, each horizon to the one nearest to it; masked where
            the data have none, as with saliency=none.
        crowd: Attend to where the training viewers of the same video looked; masked where the data
            have none.
        encoder: Temporal encoder of each stream.
        projection: Projection of each step of a stream: linear, or a convolution over three steps.
        query: What attends where saliency is used. trajectory: the trajectory state attends to the
            tokens of a map. saliency: the tokens of a map attend to the viewer's streams, which
            gives a personalised map as well.
        dropout: Dropout of the trajectory network and of the horizons' networks.
        stream_dropout: Chance that a stream other than the head is hidden in training, the answers
            included.
        unknown_share: Share of the training windows shown without their user, so that users who
            were not trained on are predicted too.
        diversity_weight: Weight of the loss term that keeps the users' vectors apart.
        diversity_margin: Distance between two users' vectors from which that term is 0.
        width: Width of the trajectory state, a multiple of 32; the widths of all other parts are in
            proportion to it.

    Raises:
        InputError: There is no stream, ``query`` is saliency and the data have none of the streams,
            or ``width`` is no multiple of 32.
    """

    def __init__(
        self,
        spec: WindowSpec,
        *,
        streams: Sequence[Stream] = ("head", "eye", "offset", "face"),
        user_embed: bool = True,
        questionnaire: bool = False,
        saliency: bool = True,
        crowd: bool = False,
        encoder: TemporalEncoder = "gru",
        projection: Projection = "linear",
        query: Literal["trajectory", "saliency"] = "trajectory",
        dropout: Share = 0.2,
        stream_dropout: Share = 0.1,
        unknown_share: Share = 0.1,
        diversity_weight: NonNegative = 0.01,
        diversity_margin: NonNegative = 1.0,
        width: Units = 256,
    ) -> None:
        super().__init__(spec)
        if not streams:
            raise InputError(
                "model.streams must hold one or more of head, eye, offset and face, got []"
            )
        if width % MULTIPLE_OF:
            raise InputError(f"model.width must be a multiple of {MULTIPLE_OF}, got {width}")
        self.used_streams = (
            *streams,
            *(("saliency",) if saliency else ()),
            *(("questionnaire",) if questionnaire else ()),
            *(("crowd",) if crowd else ()),
        )
        present = spec.present
        # Absent streams get no weights: their share of the fused vector is 0 throughout.
        self.streams = tuple(name for name in HIDDEN_SHARE if name in streams and present[name])
        self.stream_dropout = stream_dropout
        self.diversity_weight = diversity_weight
        self.diversity_margin = diversity_margin
        self.hidden = {name: width // share for name, share in HIDDEN_SHARE.items()}
        user_width, token_width = width // USER_SHARE, width // TOKEN_SHARE
        features = {**STREAM_FEATURES, "face": spec.face_features}
        self.encoders = nn.ModuleDict(
            {
                name: StreamEncoder(
                    features[name],
                    width // PROJECTION_SHARE[name],
                    self.hidden[name],
                    spec.history_steps,
                    projection,
                    encoder,
                )
                for name in self.streams
            }
        )
        self.user = UserEmbedding(spec.users, user_width, unknown_share) if user_embed else None
        self.profile = None
        if questionnaire and present["questionnaire"]:
            self.profile = AnsweredProfile(spec.answers, user_width, with_user=user_embed)
        known = user_width if user_embed or self.profile is not None else 0
        self.gates = nn.ModuleDict(
            {name: nn.Linear(self.hidden[name] + known, self.hidden[name]) for name in self.streams}
        )
        self.trajectory = nn.Sequential(
            nn.Linear(sum(self.hidden.values()), 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )
        self.saliency_encoder = self.saliency_attention = None
        if saliency and spec.has_saliency:
            self.saliency_encoder = SaliencyEncoder(token_width)
            if query == "trajectory":
                self.saliency_attention = SaliencyAttention(
                    spec.map_of_horizon, width, token_width, ATTENTION_HEADS
                )
            elif self.streams:
                widths = {name: self.hidden[name] for name in self.streams}
                self.saliency_attention = PersonalSaliency(
                    widths, width, token_width, ATTENTION_HEADS
                )
            else:
                raise InputError(
                    f"model.query=saliency attends to the streams {', '.join(streams)}, and the "
                    "data have none of them; use query=trajectory, or add head to streams"
                )
        self.crowd_attention = None
        if crowd and spec.has_crowd:
            self.crowd_attention = CrowdAttention(spec, width)
        self.norm = nn.LayerNorm(width)
        horizons = len(spec.horizon_steps)
        self.heads = HorizonHeads(width, horizons, width // HEAD_SHARE, dropout)

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        return self.trace(window).directions

    def trace(self, window: ViewportWindow) -> FusionTrace:
        """Predict, and give the gates as well."""
        user = self._viewer(window)
        gated, streams_valid, gates = {}, {}, {}
        for name, width in self.hidden.items():
            if name not in self.streams:
                gated[name] = window.history_directions.new_zeros(len(window.user_index), width)
                gates[name] = gated[name]
                continue
            features, valid = self._stream(name, window)
            encoded = self.encoders[name](features, valid)
            known = encoded if user is None else torch.cat((encoded, user), dim=1)
            streams_valid[name] = valid.any(dim=1)
            gates[name] = torch.sigmoid(self.gates[name](known)) * streams_valid[name].unsqueeze(1)
            gated[name] = gates[name] * encoded
        state = self.trajectory(torch.cat(list(gated.values()), dim=1))
        viewport_center = window.history_directions[:, -1]
        saliency = None
        if self.saliency_encoder is not None and self.saliency_attention is not None:
            maps = (
                self.saliency_encoder(window.saliency_maps),
                window.saliency_index,
                viewport_center,
            )
            if isinstance(self.saliency_attention, PersonalSaliency):
                at_moments, saliency = self.saliency_attention(gated, streams_valid, *maps)
                context = at_moments[:, self.spec.map_of_horizon]
            else:
                context = self.saliency_attention(state, *maps)
            state = state.unsqueeze(1) + context
        crowd_weights = None
        if self.crowd_attention is not None:
            crowd = self.crowd_attention(state, self.crowd_attention.read(window))
            state = (state if state.ndim == 3 else state.unsqueeze(1)) + crowd.values
            crowd_weights = crowd.weights
        directions = self.heads(self.norm(state), viewport_center)
        return FusionTrace(directions, gates, crowd_weights, saliency)

    def stream_gates(self, window: ViewportWindow) -> dict[str, Tensor]:
        """The mean gate of each stream, by name, each of shape ``(batch,)``."""
        gates = self.trace(window).gates
        return {name: gates[name].mean(dim=1) for name in self.streams}

    def personal_parameters(self) -> list[str]:
        """Those of the users' vectors and of the gates that read them."""
        if self.user is None:
            return []
        own = ("user.", "gates.")
        return [name for name, _ in self.named_parameters() if name.startswith(own)]

    def forget_users(self) -> None:
        """Make every user the unknown one."""
        if self.user is not None:
            self.user.forget()

    def regularization(self) -> Tensor | float:
        """Keeps the users' vectors apart."""
        if self.user is None:
            return 0.0
        return self.diversity_weight * self.user.crowding(self.diversity_margin)

    def describe(self, data: WindowSpec | None = None) -> str:
        """As of every model, with a warning if the data have no stream except the head's."""
        line = super().describe(data)
        present = (data or self.spec).present
        if any(present[name] for name in self.used_streams if name in HIDDEN_SHARE):
            return line
        return f"{line}; so it sees nothing of the viewer but where the head points now"

    def _viewer(self, window: ViewportWindow) -> Tensor | None:
        """Vector of the viewer, shape ``(batch, user width)``; None where nothing is known."""
        user = None if self.user is None else self.user(window.user_index)
        if self.profile is None:
            return user
        valid = window.answers_valid
        if self.training and self.stream_dropout > 0:
            valid = valid & self._kept(len(valid), valid.device)
        return self.profile(user, window.answers, valid)

    def _kept(self, windows: int, device: torch.device) -> Tensor:
        """Which windows keep a stream in training, shape ``(windows, 1)``."""
        return torch.rand(windows, 1, device=device) >= self.stream_dropout

    def _stream(self, name: str, window: ViewportWindow) -> tuple[Tensor, Tensor]:
        if name == "head":
            return head_stream(window, self.spec.sampling_rate_hz)
        read = {"eye": eye_stream, "offset": offset_stream, "face": face_stream}[name]
        features, valid = read(window)
        if self.training and self.stream_dropout > 0:
            kept = self._kept(len(valid), valid.device)
            features, valid = features * kept.unsqueeze(-1), valid & kept
        return features, valid
