"""STAR-VP as published: head motion and the video's salient points.

Source: Gao et al., STAR-VP, ACM MM 2024, doi 10.1145/3664647.3681268. Differences: the LSTM's
directions are normalised at every step; its output and that of the attention start at zero, so that
the prediction starts from the static baseline; a step without a map attends to a learned vector;
the loss is the great-circle distance by default; maps of any size are scaled to a maximum of 1, and
the 128 points are the same share of their pixels (`vpnet.saliency.salient_points.map_points`).
"""

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.errors import InputError
from vpnet.geometry.directions import normalize
from vpnet.models.attention import attend, group_by_map
from vpnet.models.crowd_attention import CrowdAttention
from vpnet.models.forecaster import Forecaster, RecurrentPart, TrainingOutput
from vpnet.models.lstm import EncoderDecoder, State
from vpnet.models.streams import HeadVectors
from vpnet.settings import MlpRatio, Share, Units, checked

LAYERS = 2
HEADS = 8
BLOCKS = 2
GATE_WIDTH = 128
POINT_FEATURES = 4
"""Of a salient point, and of a viewpoint: x, y, z and a number."""
HIGHEST_FREQUENCY = 20.0


class PerceiverBlock(nn.Module):
    """o = q + Attention(LN q, LN k, LN v), then o + MLP(LN o).

    Source: Jaegle et al., "Perceiver IO: A General Architecture for Structured Inputs & Outputs",
    ICLR 2022. ``query_width`` is a multiple of ``heads``, the hidden layer of the MLP ``mlp_ratio``
    times as wide.
    """

    def __init__(
        self,
        query_width: int,
        key_width: int,
        heads: int = HEADS,
        mlp_ratio: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm_query = nn.LayerNorm(query_width)
        self.norm_key = nn.LayerNorm(key_width)
        self.query = nn.Linear(query_width, query_width)
        self.key = nn.Linear(key_width, query_width)
        self.value = nn.Linear(key_width, query_width)
        self.output = nn.Linear(query_width, query_width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(query_width),
            nn.Linear(query_width, mlp_ratio * query_width),
            nn.GELU(),
            nn.Linear(mlp_ratio * query_width, query_width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, context: Tensor | None, context_row: Tensor | None = None
    ) -> Tensor:
        """Attend from tokens to context.

        Args:
            tokens: Shape ``(batch, queries, query_width)``.
            context: Shape ``(sets, keys, key_width)``; None skips the attention.
            context_row: The set that each row of ``tokens`` attends to, ``(batch,)``, so that a
                set shared by several rows is projected once. None pairs row with set.

        Returns:
            Shape ``(batch, queries, query_width)``.
        """
        if context is not None:
            tokens = tokens + self.dropout(self._attend(tokens, context, context_row))
        return tokens + self.dropout(self.mlp(tokens))

    def _attend(self, tokens: Tensor, context: Tensor, context_row: Tensor | None) -> Tensor:
        context = self.norm_key(context)
        key, value = self.key(context), self.value(context)
        if context_row is not None:
            key, value = key[context_row], value[context_row]
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(self.norm_query(tokens)), key, value)
        )
        return self.output(attend(query, key, value).transpose(1, 2).flatten(2))


def _blocks(*arguments: Any) -> nn.ModuleList:
    return nn.ModuleList(PerceiverBlock(*arguments) for _ in range(BLOCKS))


class SpatialFeatures(NamedTuple):
    """Result of the spatial attention at each step."""

    viewpoint: Tensor
    """Shape ``(batch, steps, width)``."""
    saliency: Tensor | None
    """Mean of the encoded points, ``(batch, steps, width)``; None without saliency."""


class SpatialAttention(nn.Module):
    """At each step the viewpoint attends to the salient points of that step.

    Self-attention blocks encode the points of a map, then blocks of cross-attention follow. Points
    belong to the video, not to the viewer, so each distinct map is encoded once, and the steps that
    show it are grouped, whatever windows they come from. The result is that of encoding every step
    of every window by itself, but for dropout, which windows that share a map share. A step without
    a map attends to one learned vector; without saliency in the data only the MLPs work.

    ``width`` is that of all tokens, ``extra`` the number of features concatenated to a viewpoint.
    """

    def __init__(
        self,
        has_saliency: bool,
        width: int = 256,
        extra: int = 0,
        heads: int = HEADS,
        mlp_ratio: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.viewpoint_mark = nn.Parameter(torch.zeros(1))
        self.viewpoint = nn.Linear(POINT_FEATURES + extra, width)
        self.decoder = _blocks(width, width, heads, mlp_ratio, dropout)
        self.has_saliency = has_saliency
        if has_saliency:
            self.point = nn.Linear(POINT_FEATURES, width)
            self.encoder = _blocks(width, width, heads, mlp_ratio, dropout)
            self.absence = nn.Parameter(0.02 * torch.randn(width))

    def forward(
        self,
        path: Tensor,
        points: Tensor,
        saliency_index: Tensor,
        extra: Tensor | None = None,
        embedding: Tensor | None = None,
    ) -> SpatialFeatures:
        """Features of each step.

        Args:
            path: Viewpoints, unit vectors, ``(batch, steps, 3)``.
            points: Salient points of the distinct maps, ``(maps, points, 4)``.
            saliency_index: Row of the map of each step, -1 for none, ``(batch, steps)``.
            extra: Concatenated to the viewpoints, ``(batch, steps, extra)``.
            embedding: Added to the viewpoints' tokens, ``(batch, steps, width)``.
        """
        mark = self.viewpoint_mark.to(path.dtype).expand(*path.shape[:2], 1)
        parts = (path, mark) if extra is None else (path, mark, extra)
        tokens = self.viewpoint(torch.cat(parts, dim=-1))
        if embedding is not None:
            tokens = tokens + embedding
        if not self.has_saliency:
            for block in self.decoder:
                tokens = block(tokens, None)
            return SpatialFeatures(tokens, None)
        encoded = self._encode(points)
        map_of = torch.where(saliency_index < 0, len(encoded) - 1, saliency_index).flatten()
        groups = group_by_map(map_of, len(encoded))
        grid = groups.gather(tokens.flatten(0, 1))
        for block in self.decoder:
            grid = block(grid, encoded, groups.map_of_row)
        viewpoint = groups.scatter(grid).unflatten(0, saliency_index.shape)
        saliency = encoded.mean(dim=1)[map_of].unflatten(0, saliency_index.shape)
        return SpatialFeatures(viewpoint, saliency)

    def _encode(self, points: Tensor) -> Tensor:
        """Encoded points of each map, and of one map more for the steps without a map."""
        tokens = self.point(points)
        for block in self.encoder:
            tokens = block(tokens, tokens)
        absence = self.absence.to(tokens.dtype).expand(1, max(points.shape[1], 1), -1)
        return absence if len(points) == 0 else torch.cat((tokens, absence))


class TemporalAttention(nn.Module):
    """Self-attention over the tokens of all steps, to which the predicted steps attend.

    A token is [feature; Fourier position; a learned vector of its modality], a query [Fourier
    position; a learned vector]. ``steps`` are the ascending moments in steps of the clock. Features
    and queries have the same ``width``, a multiple of 4.
    """

    positions: Tensor

    def __init__(
        self,
        steps: Tensor,
        has_saliency: bool,
        width: int = 256,
        heads: int = HEADS,
        mlp_ratio: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        # As published: 64 bands and 127 learned numbers make a query of width 256.
        positions = fourier_positions(steps, bands=width // 4)
        self.register_buffer("positions", positions, persistent=False)
        learned = width - positions.shape[1]
        self.modality = nn.Parameter(0.02 * torch.randn(2 if has_saliency else 1, learned))
        self.query = nn.Parameter(0.02 * torch.randn(learned))
        self.encoder = _blocks(2 * width, 2 * width, heads, mlp_ratio, dropout)
        self.decoder = _blocks(width, 2 * width, heads, mlp_ratio, dropout)

    def forward(self, viewpoint: Tensor, saliency: Tensor | None, first_query: int) -> Tensor:
        """States of the predicted steps.

        Args:
            viewpoint: Features of the viewpoint, ``(batch, steps, width)``.
            saliency: Features of the saliency, same shape; None without it.
            first_query: The first step that is predicted.

        Returns:
            Shape ``(batch, steps - first_query, width)``.
        """
        features = [viewpoint] if saliency is None else [viewpoint, saliency]
        parts = zip(features, self.modality, strict=True)
        tokens = torch.cat([self._tokens(feature, learned) for feature, learned in parts], dim=1)
        for block in self.encoder:
            tokens = block(tokens, tokens)
        positions = self.positions[first_query:]
        queries = torch.cat((positions, self.query.expand(len(positions), -1)), dim=1)
        state = queries.expand(len(viewpoint), -1, -1)
        for block in self.decoder:
            state = block(state, tokens)
        return state

    def _tokens(self, feature: Tensor, learned: Tensor) -> Tensor:
        batch, steps, _ = feature.shape
        positions = self.positions.to(feature.dtype).expand(batch, -1, -1)
        learned = learned.to(feature.dtype).expand(batch, steps, -1)
        return torch.cat((feature, positions, learned), dim=2)


def fourier_positions(steps: Tensor, bands: int = 64) -> Tensor:
    """Positions of steps between the first, at -1, and the last, at 1.

    Args:
        steps: Moments, ascending, ``(steps,)``.
        bands: Number of frequencies.

    Returns:
        The position, its sines and its cosines of frequencies from 1 to 20,
        ``(steps, 2 * bands + 1)``.
    """
    steps = steps.to(torch.float32)
    position = (2 * (steps - steps[0]) / (steps[-1] - steps[0]) - 1).unsqueeze(1)
    angle = math.pi * torch.linspace(1, HIGHEST_FREQUENCY, bands) * position
    return torch.cat((position, angle.sin(), angle.cos()), dim=1)


class ExtraWidths(NamedTuple):
    """Widths of the inputs that a variant of STAR-VP adds; as published there are none."""

    history: int = 0
    """Numbers that the LSTM reads at each step in addition to the head."""
    context: int = 0
    """Of the vector concatenated to the decoder output at every step."""
    viewpoint: int = 0
    """Numbers concatenated to each viewpoint of the spatial attention."""
    gate: int = 0
    """Numbers concatenated to the input of the gate."""


AS_PUBLISHED = ExtraWidths()


class NetworkInputs(NamedTuple):
    """Inputs of STAR-VP's network; as published the history's directions alone."""

    history: Tensor
    """What the LSTM reads, ``(batch, history, features)``."""
    state: State | None = None
    """Of the LSTM before the history; None for zero."""
    context: Tensor | None = None
    """Concatenated to the decoder output at every step, ``(batch, ExtraWidths.context)``."""
    viewpoint: Tensor | None = None
    """Concatenated to the viewpoints, ``(batch, history + horizon, ExtraWidths.viewpoint)``."""
    viewpoint_embedding: Tensor | None = None
    """Added to the viewpoints' tokens, ``(batch, history + horizon, hidden)``."""
    gate: Tensor | None = None
    """Concatenated to the input of the gate, ``(batch, ExtraWidths.gate)``."""


class StarVPTrace(NamedTuple):
    """A prediction and how it came about."""

    directions: Tensor
    """Unit vectors, ``(batch, horizon, 3)``."""
    recurrent: Tensor
    """The LSTM's prediction P', unit vectors, ``(batch, horizon, 3)``."""
    attentive: Tensor
    """The attention's prediction P'', of any length, ``(batch, horizon, 3)``."""
    weights: Tensor
    """W', the share of P'; that of P'' is 1 - W'; ``(batch, horizon)``."""
    training_output: TrainingOutput
    """The weighted sum as it is, and the reconstructed history."""
    crowd_weights: Tensor | None
    """Weight of each viewer of the crowd, ``(batch, horizon, viewers)``; None without it."""


class StarVPNetwork(nn.Module):
    """A recurrent and an attentive prediction, and a gate between them.

    The LSTM reads ``features`` numbers at each step of the history; the other arguments are those
    of `StarVP`.

    Raises:
        InputError: ``hidden`` is no multiple of the number of attention heads.
    """

    def __init__(
        self,
        spec: WindowSpec,
        features: int,
        extra: ExtraWidths,
        *,
        hidden: int,
        mlp_ratio: int,
        dropout: float,
        reconstruct_past: bool,
        crowd: bool = False,
    ) -> None:
        super().__init__()
        if hidden % HEADS:
            raise InputError(
                f"model.hidden must be a multiple of the {HEADS} attention heads, got {hidden}"
            )
        self.spec = spec
        self.reconstruct_past = reconstruct_past
        horizons = len(spec.horizon_steps)
        steps = torch.tensor((*range(1 - spec.history_steps, 1), *spec.horizon_steps))
        self.recurrent = EncoderDecoder(features, hidden, LAYERS)
        self.join = nn.Linear(hidden + extra.context, hidden) if extra.context else None
        blocks = {"mlp_ratio": mlp_ratio, "dropout": dropout}
        self.spatial = SpatialAttention(spec.has_saliency, hidden, extra.viewpoint, **blocks)
        self.temporal = TemporalAttention(steps, spec.has_saliency, hidden, **blocks)
        self.crowd = None
        if crowd and spec.has_crowd:
            self.crowd = CrowdAttention(spec, hidden, in_world=True)
        self.output = nn.Linear(hidden, 3)
        # The attentive prediction starts at zero, so the normalised sum starts as the LSTM's.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.gate = nn.Sequential(
            nn.Linear(6 * horizons + extra.gate, GATE_WIDTH),
            nn.ReLU(),
            nn.Linear(GATE_WIDTH, horizons),
            nn.Sigmoid(),
        )

    def forward(self, window: ViewportWindow, inputs: NetworkInputs) -> StarVPTrace:
        """Predict the horizons of a batch of windows."""
        history, horizons = window.history_directions, len(self.spec.horizon_steps)
        recurrent = self._recurrent(history[:, -1], inputs)
        spatial = self.spatial(
            torch.cat((history, recurrent), dim=1),
            window.saliency_points,
            window.saliency_index,
            inputs.viewpoint,
            inputs.viewpoint_embedding,
        )
        reconstructs = self.reconstruct_past and self.training
        first_query = 0 if reconstructs else self.spec.history_steps
        state = self.temporal(spatial.viewpoint, spatial.saliency, first_query)
        crowd_weights = None
        if self.crowd is not None:
            past, future = state[:, :-horizons], state[:, -horizons:]
            found = self.crowd(future, self.crowd.read(window))
            state, crowd_weights = torch.cat((past, future + found.values), dim=1), found.weights
        # In bf16 a direction is only good to 0.4 degrees: the last step is in full precision.
        with torch.autocast(state.device.type, enabled=False):
            output = self.output(state.to(self.output.weight.dtype))
        attentive = output[:, -horizons:]
        parts = [recurrent.flatten(1), attentive.flatten(1)]
        if inputs.gate is not None:
            parts.append(inputs.gate)
        weights = self.gate(torch.cat(parts, dim=1)).to(recurrent.dtype)
        share = weights.unsqueeze(-1)
        mixed = share * recurrent + (1 - share) * attentive
        reconstructed = output[:, : self.spec.history_steps] if reconstructs else None
        trained = TrainingOutput(mixed, reconstructed)
        return StarVPTrace(normalize(mixed), recurrent, attentive, weights, trained, crowd_weights)

    def _recurrent(self, direction: Tensor, inputs: NetworkInputs) -> Tensor:
        """P' at the horizons."""
        steps, update_hidden = self.spec.horizon_steps, None
        if self.join is not None:
            assert inputs.context is not None, "the network was made for a context"
            update_hidden = partial(_join, self.join, inputs.context)
        path = self.recurrent(inputs.history, direction, steps[-1], inputs.state, update_hidden)
        return path[:, [step - 1 for step in steps]]


def _join(join: nn.Linear, context: Tensor, step: int, hidden: Tensor) -> Tensor:
    return join(torch.cat((hidden, context), dim=1))


@checked
class StarVP(Forecaster):
    """The published model.

    Args:
        spec: What the windows look like.
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
        extra: Widths of the inputs that a subclass adds in `inputs`.
    """

    saliency_view = "points"

    def __init__(
        self,
        spec: WindowSpec,
        *,
        crowd: bool = False,
        mlp_ratio: MlpRatio = 1,
        dropout: Share = 0.1,
        reconstruct_past: bool = False,
        velocity: bool = False,
        hidden: Units = 256,
        extra: ExtraWidths = AS_PUBLISHED,
    ) -> None:
        super().__init__(spec)
        self.used_streams = ("saliency", "crowd") if crowd else ("saliency",)
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        self.network = StarVPNetwork(
            spec,
            self.head.features + extra.history,
            extra,
            hidden=hidden,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            reconstruct_past=reconstruct_past,
            crowd=crowd,
        )

    def inputs(self, window: ViewportWindow) -> NetworkInputs:
        """What the network reads of a batch of windows."""
        return NetworkInputs(self.head(window))

    def trace(self, window: ViewportWindow) -> StarVPTrace:
        """Predict, and say how the prediction came about."""
        return self.network(window, self.inputs(window))

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        return self.trace(window).directions

    def training_output(self, window: ViewportWindow) -> TrainingOutput:
        """The weighted sum before it is normalised, and the reconstructed history."""
        return self.trace(window).training_output

    def recurrent_part(self) -> RecurrentPart | None:
        """The LSTM's encoder-decoder."""
        return RecurrentPart(self.network.recurrent, self.head.features)
