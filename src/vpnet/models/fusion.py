"""The fusion model: gaze, face and head encoders, personalised gates, attention to saliency.

vpnet's own model. Head, eye, eye-in-head offset and face are each encoded; a gate that knows the
viewer weighs every component; the weighed vector becomes the trajectory state, which asks the
saliency maps to come where it might go (or the maps ask the viewer's streams what they are worth to
them) and turns into one rotation per horizon.

Choices of this implementation: yaw is relative to the anchor, elevation absolute (`streams`); the
viewer's vector, learned or made of their answers, enters the gates as it is; a horizon asks the map
nearest to it, and looks first where that map is salient, for the logarithm of a token's mass, times
a learned trust, is added to its score (`saliency_encoder`); per-horizon networks make up most of
the parameters, so their number grows with the horizons asked (docs/LOG.md).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.errors import InputError
from vpnet.models.crowd_attention import CrowdAttention
from vpnet.models.forecaster import Forecaster
from vpnet.models.horizon_heads import HorizonHeads
from vpnet.models.personal_saliency import PersonalSaliency
from vpnet.models.saliency_encoder import SaliencyAttention, SaliencyEncoder
from vpnet.models.stream_encoder import StreamEncoder
from vpnet.models.streams import (
    STREAM_FEATURES,
    eye_stream,
    face_stream,
    head_stream,
    offset_stream,
)
from vpnet.models.user_embedding import AnsweredProfile, UserEmbedding
from vpnet.settings import NonNegative, Share, checked

PROJECTION_WIDTH = {"head": 32, "eye": 32, "offset": 16, "face": 16}
HIDDEN_WIDTH = {"head": 128, "eye": 128, "offset": 64, "face": 32}
STATE_WIDTH = 256
USER_WIDTH = 64
Stream = Literal["head", "eye", "offset", "face"]


class FusionTrace(NamedTuple):
    """A prediction and how it came about."""

    directions: Tensor
    """Unit vectors, shape ``(batch, horizon, 3)``."""
    gates: dict[str, Tensor]
    """Per stream, in [0, 1], 0 where the stream is absent, shape ``(batch, hidden)``."""
    crowd_weights: Tensor | None
    """How much of each viewer of the crowd, ``(batch, horizon, viewers)``; None without it."""
    saliency: Tensor | None
    """The maps as they are to the viewer, at the moments `WindowSpec.saliency_times_s`, solid-angle
    normalised, 0 for windows without one, ``(batch, moments, 14, 28)``; None but for
    ``query=saliency``. `upsample_maps` makes them larger."""


@checked
class Fusion(Forecaster):
    """Sensor fusion with personalised gates.

    Args:
        spec: What the windows look like.
        streams: Which of head, eye, offset and face to use, one at least; those that the data lack
            are masked. Without the head a prediction still starts from where it points now.
        user_embed: Learn a vector per user; else all users are alike, but for their answers.
        questionnaire: Use what the viewers answered beforehand; masked where they did not.
        saliency: Ask the saliency maps, where the data have some: every horizon that nearest to it.
        crowd: Ask where the training viewers of the same video looked.
        encoder: Temporal encoder, ``gru`` or ``transformer``.
        projection: Per-step projection, ``linear`` or ``conv``.
        query: Who asks: the ``trajectory`` state the tokens of the saliency maps, or the tokens the
            streams (``saliency``), which gives personalised maps as well.
        dropout: In the trajectory network and the heads.
        stream_dropout: Chance that a stream other than the head is hidden in training, the
            answers included.
        unknown_share: Share of the training windows whose user is hidden.
        diversity_weight: Weight of the term that keeps the users' vectors apart.
        diversity_margin: Distance at which that term vanishes.

    Raises:
        InputError: There is no stream, or ``query`` is saliency and the data have none of the
            streams.
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
        encoder: Literal["gru", "transformer"] = "gru",
        projection: Literal["linear", "conv"] = "linear",
        query: Literal["trajectory", "saliency"] = "trajectory",
        dropout: Share = 0.2,
        stream_dropout: Share = 0.1,
        unknown_share: Share = 0.1,
        diversity_weight: NonNegative = 0.01,
        diversity_margin: NonNegative = 1.0,
    ) -> None:
        super().__init__(spec)
        if not streams:
            raise InputError(
                "model.streams must hold one or more of head, eye, offset and face, got []"
            )
        self.asked_streams = (
            *streams,
            *(("saliency",) if saliency else ()),
            *(("questionnaire",) if questionnaire else ()),
            *(("crowd",) if crowd else ()),
        )
        present = spec.present
        # Absent streams get no weights: their share of the fused vector is 0 throughout.
        self.streams = tuple(name for name in HIDDEN_WIDTH if name in streams and present[name])
        self.stream_dropout = stream_dropout
        self.diversity_weight = diversity_weight
        self.diversity_margin = diversity_margin
        features = {**STREAM_FEATURES, "face": spec.face_features}
        self.encoders = nn.ModuleDict(
            {
                name: StreamEncoder(
                    features[name],
                    PROJECTION_WIDTH[name],
                    HIDDEN_WIDTH[name],
                    spec.history_steps,
                    projection,
                    encoder,
                )
                for name in self.streams
            }
        )
        self.user = UserEmbedding(spec.users, USER_WIDTH, unknown_share) if user_embed else None
        self.profile = None
        if questionnaire and present["questionnaire"]:
            self.profile = AnsweredProfile(spec.answers, USER_WIDTH, with_user=user_embed)
        gate_width = USER_WIDTH if user_embed or self.profile is not None else 0
        self.gates = nn.ModuleDict(
            {
                name: nn.Linear(HIDDEN_WIDTH[name] + gate_width, HIDDEN_WIDTH[name])
                for name in self.streams
            }
        )
        self.trajectory = nn.Sequential(
            nn.Linear(sum(HIDDEN_WIDTH.values()), 2 * STATE_WIDTH),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * STATE_WIDTH, STATE_WIDTH),
        )
        with_saliency = saliency and spec.has_saliency
        self.saliency_encoder = SaliencyEncoder() if with_saliency else None
        self.saliency_attention = None
        if with_saliency and query == "trajectory":
            self.saliency_attention = SaliencyAttention(spec.map_of_horizon, STATE_WIDTH)
        elif with_saliency:
            if not self.streams:
                raise InputError(
                    f"query=saliency asks the streams {', '.join(streams)}, and the data have none "
                    "of them; use query=trajectory, or add head to streams"
                )
            widths = {name: HIDDEN_WIDTH[name] for name in self.streams}
            self.saliency_attention = PersonalSaliency(widths, STATE_WIDTH)
        self.crowd_attention = None
        if crowd and spec.has_crowd:
            self.crowd_attention = CrowdAttention(spec, STATE_WIDTH)
        self.norm = nn.LayerNorm(STATE_WIDTH)
        self.heads = HorizonHeads(STATE_WIDTH, len(spec.horizon_steps), dropout=dropout)

    def forward(self, window: ViewportWindow) -> Tensor:
        """See `Forecaster`."""
        return self.trace(window).directions

    def trace(self, window: ViewportWindow) -> FusionTrace:
        """Predict, and give the gates as well."""
        user = self._viewer(window)
        gated, streams_valid, gates = {}, {}, {}
        for name, width in HIDDEN_WIDTH.items():
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
            seen = (
                self.saliency_encoder(window.saliency_maps),
                window.saliency_index,
                viewport_center,
            )
            if isinstance(self.saliency_attention, PersonalSaliency):
                at_moments, saliency = self.saliency_attention(gated, streams_valid, *seen)
                values = at_moments[:, self.spec.map_of_horizon]
            else:
                values = self.saliency_attention(state, *seen)
            state = state.unsqueeze(1) + values
        crowd_weights = None
        if self.crowd_attention is not None:
            answer = self.crowd_attention(state, self.crowd_attention.read(window))
            state = (state if state.ndim == 3 else state.unsqueeze(1)) + answer.values
            crowd_weights = answer.weights
        directions = self.heads(self.norm(state), viewport_center)
        return FusionTrace(directions, gates, crowd_weights, saliency)

    def stream_gates(self, window: ViewportWindow) -> dict[str, Tensor]:
        """See `Forecaster`."""
        gates = self.trace(window).gates
        return {name: gates[name].mean(dim=1) for name in self.streams}

    def personal_parameters(self) -> list[str]:
        """Those of the users' vectors and of the gates that read them."""
        if self.user is None:
            return []
        own = ("user.", "gates.")
        return [name for name, _ in self.named_parameters() if name.startswith(own)]

    def forget_users(self) -> None:
        """See `Forecaster`."""
        if self.user is not None:
            self.user.forget()

    def regularization(self) -> Tensor | float:
        """Keeps the users' vectors apart."""
        if self.user is None:
            return 0.0
        return self.diversity_weight * self.user.crowding(self.diversity_margin)

    def describe(self, data: WindowSpec | None = None) -> str:
        """See `Forecaster`; says where the data have none of the streams."""
        line = super().describe(data)
        present = (data or self.spec).present
        if any(present[name] for name in self.asked_streams if name in HIDDEN_WIDTH):
            return line
        return f"{line}; so it sees nothing of the viewer but where the head points now"

    def _viewer(self, window: ViewportWindow) -> Tensor | None:
        """What is known of who watches, shape ``(batch, USER_WIDTH)``; None for nothing."""
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
