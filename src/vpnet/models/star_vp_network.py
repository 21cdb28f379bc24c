"""The network of STAR-VP: a recurrent and an attentive prediction, and a gate between them.

Source: Gao et al., STAR-VP, ACM MM 2024, doi 10.1145/3664647.3681268. Beyond it, all
off by default: what its relatives add to the inputs, other viewers of the same video, and
windows without saliency, for which only the viewpoint's tokens are there.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import normalize
from vpnet.models.crowd_attention import CrowdAttention
from vpnet.models.forecaster import Answer
from vpnet.models.recurrent import EncoderDecoder, State
from vpnet.models.spatial_attention import SpatialAttention
from vpnet.models.temporal_attention import QUERY_WIDTH, TemporalAttention

HIDDEN = 256
GATE_WIDTH = 128


class Inputs(NamedTuple):
    """What a relative of STAR-VP changes or adds; as published: the history's directions alone."""

    history: Tensor
    """What the LSTM reads, ``(batch, history, features)``."""
    state: State | None = None
    """Of the LSTM before the history; None for zero."""
    beside: Tensor | None = None
    """Joins the decoder's result at every step, ``(batch, HIDDEN)``; needs ``beside=True``."""
    extra: Tensor | None = None
    """Joins the viewpoints of the spatial attention, ``(batch, history + horizon, extra)``."""
    added: Tensor | None = None
    """Is added to their tokens, ``(batch, history + horizon, HIDDEN)``."""
    gate: Tensor | None = None
    """Joins the gate's input, ``(batch, gate_extra)``."""


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
    answer: Answer
    """What the loss judges: the weighted sum as it is, and the reconstructed history."""
    crowd_weights: Tensor | None
    """How much of each viewer of the crowd, ``(batch, horizon, viewers)``; None without it."""


class StarVPNetwork(nn.Module):
    """See the module.

    Args:
        spec: What the windows look like.
        features: Numbers a step of the history that the LSTM reads.
        beside: Whether a vector is concatenated to the decoder's output at every step.
        extra: Numbers that join each viewpoint of the spatial attention.
        gate_extra: Numbers that join the gate's input.
        crowd: Attend to where the training viewers of the same video looked.
        widening: MLP ratio of the attention blocks.
        dropout: Dropout of the attention blocks.
        reconstruct_past: Reconstruct the history in training as well, as published.
    """

    def __init__(
        self,
        spec: WindowSpec,
        *,
        features: int = 3,
        beside: bool = False,
        extra: int = 0,
        gate_extra: int = 0,
        crowd: bool = False,
        widening: int = 1,
        dropout: float = 0.1,
        reconstruct_past: bool = False,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.reconstruct_past = reconstruct_past
        horizons = len(spec.horizon_steps)
        steps = torch.tensor((*range(1 - spec.history_steps, 1), *spec.horizon_steps))
        self.recurrent = EncoderDecoder(features, HIDDEN, layers=2)
        self.join = nn.Linear(2 * HIDDEN, HIDDEN) if beside else None
        shared = {"widening": widening, "dropout": dropout}
        self.spatial = SpatialAttention(spec.has_saliency, HIDDEN, extra, **shared)
        self.temporal = TemporalAttention(steps, spec.has_saliency, HIDDEN, **shared)
        self.crowd = None
        if crowd and spec.has_crowd:
            self.crowd = CrowdAttention(spec, QUERY_WIDTH, in_world=True)
        self.output = nn.Linear(QUERY_WIDTH, 3)
        # The attentive prediction starts at zero, so the normalised sum starts as the LSTM's.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.gate = nn.Sequential(
            nn.Linear(6 * horizons + gate_extra, GATE_WIDTH),
            nn.ReLU(),
            nn.Linear(GATE_WIDTH, horizons),
            nn.Sigmoid(),
        )

    def forward(self, window: ViewportWindow, inputs: Inputs) -> StarVPTrace:
        """Predict.

        Args:
            window: A batch of windows.
            inputs: What the LSTM, the spatial attention and the gate are given.
        """
        history, horizon_steps = window.history_directions, self.spec.horizon_steps
        enrich = None
        if self.join is not None:
            assert inputs.beside is not None, "beside=True needs something beside"
            enrich = partial(_join, self.join, inputs.beside)
        path = self.recurrent(
            inputs.history, history[:, -1], horizon_steps[-1], inputs.state, enrich
        )
        recurrent = path[:, [step - 1 for step in horizon_steps]]
        seen = self.spatial(
            torch.cat((history, recurrent), dim=1),
            window.saliency_points,
            window.saliency_index,
            inputs.extra,
            inputs.added,
        )
        tells_past = self.reconstruct_past and self.training
        first_asked = 0 if tells_past else self.spec.history_steps
        state = self.temporal(seen.viewpoint, seen.saliency, first_asked)
        crowd_weights = None
        if self.crowd is not None:
            earlier, asking = state[:, : -len(horizon_steps)], state[:, -len(horizon_steps) :]
            found = self.crowd(asking, self.crowd.read(window))
            state, crowd_weights = torch.cat((earlier, asking + found.values), dim=1), found.weights
        told = self._directions(state)
        attentive = told[:, -len(horizon_steps) :]
        parts = [recurrent.flatten(1), attentive.flatten(1)]
        if inputs.gate is not None:
            parts.append(inputs.gate)
        weights = self.gate(torch.cat(parts, dim=1)).to(recurrent.dtype)
        share = weights.unsqueeze(-1)
        mixed = share * recurrent + (1 - share) * attentive
        past = told[:, : self.spec.history_steps] if tells_past else None
        return StarVPTrace(
            normalize(mixed), recurrent, attentive, weights, Answer(mixed, past), crowd_weights
        )

    def _directions(self, state: Tensor) -> Tensor:
        # In bf16 a direction is only good to 0.4 degrees: the last step is in full precision.
        with torch.autocast(state.device.type, enabled=False):
            return self.output(state.to(self.output.weight.dtype))


def _join(join: nn.Linear, beside: Tensor, step: int, hidden: Tensor) -> Tensor:
    return join(torch.cat((hidden, beside), dim=1))
