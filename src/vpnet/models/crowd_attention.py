"""Attention to the crowd: the other viewers of the same video, at every future step.

vpnet's own. For a video that others have watched, each of them is a token: where they looked during
the history and at the horizons, seen from the current viewport centre, and how near they were to
this viewer of late. Attention weights say whose behaviour a viewer shares; they are returned, so
the products are written out: the fused kernels do not give them.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.tangent import viewport_axes

NEAR_S = (0.2, 1.0)
"""Spans before the anchor over which nearness is measured, in addition to the whole history."""

PLACE_FEATURES = 6
"""Of a direction: along east, north and forward of the viewport centre, and their products, which
stay in these axes whatever the axes of the result."""


class CrowdMemory(NamedTuple):
    """Keys and values of a batch's crowds."""

    keys: Tensor
    """Of each viewer, the same at all steps, ``(batch, heads, viewers, width / heads)``."""
    values: Tensor
    """Same shape."""
    places: Tensor
    """Where they looked at each horizon, ``(batch, horizon, viewers, PLACE_FEATURES)``."""
    valid: Tensor
    """Shape ``(batch, horizon, viewers)``."""
    axes: Tensor
    """East, north and forward of the viewport centre in the world, as columns, ``(batch, 3, 3)``.
    """


class CrowdContext(NamedTuple):
    """Result of the attention."""

    values: Tensor
    """Shape ``(batch, horizon, state_width)``; 0 where no viewer was measured."""
    weights: Tensor
    """Of the viewers, mean over heads, ``(batch, horizon, viewers)``; the rest to 1 is the weight
    of no viewer."""


class CrowdAttention(nn.Module):
    """Attention of a trajectory state to the training viewers of the same video.

    A viewer's key and value are those of the viewer, made of the whole path, plus a linear map of
    the place at the step in question; so a network runs once for each viewer, not for each viewer
    and step. One key more stands for no viewer, so that a crowd that does not help gets no weight.

    Args:
        spec: What the windows look like.
        state_width: Width of the state.
        in_world: Give where the others look in the world's axes, not in those of the viewport: for
            models that predict in the world's, which else would have to learn the rotation.
        width: Channels of tokens, and of keys and values of all heads together.
        heads: Attention heads; ``width`` is a multiple of it.
    """

    def __init__(
        self,
        spec: WindowSpec,
        state_width: int,
        *,
        in_world: bool = False,
        width: int = 64,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.in_world = in_world
        self.heads = heads
        self.history_steps = spec.history_steps
        self.near_steps = [
            *(min(spec.history_steps, max(1, round(s * spec.sampling_rate_hz))) for s in NEAR_S),
            spec.history_steps,
        ]
        path = 4 * (spec.history_steps + len(spec.horizon_steps)) + len(self.near_steps)
        self.path = nn.Sequential(nn.Linear(path, width), nn.GELU(), nn.Linear(width, width))
        self.steps = nn.Parameter(0.02 * torch.randn(len(spec.horizon_steps), state_width))
        self.query = nn.Linear(state_width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.key_place = nn.Parameter(torch.zeros(heads, width // heads, PLACE_FEATURES))
        self.nobody = nn.Parameter(torch.zeros(heads, width // heads))
        self.output = nn.Linear(width + PLACE_FEATURES * heads, state_width)

    def read(self, window: ViewportWindow) -> CrowdMemory:
        """Make keys and values of a batch's crowds."""
        center = window.history_directions[:, -1]
        axes = viewport_axes(center)
        # Not a product: what is not valid may be anything.
        directions = torch.where(window.crowd_valid.unsqueeze(-1), window.crowd_directions, 0.0)
        path = directions @ axes.unsqueeze(1)
        past_valid = window.crowd_valid[:, :, : self.history_steps]
        apart_rad = great_circle_distance(
            directions[:, :, : self.history_steps],
            window.history_directions.unsqueeze(1),
        )
        near = [_mean(apart_rad[:, :, -n:], past_valid[:, :, -n:]) for n in self.near_steps]
        known = window.crowd_valid.to(path.dtype)
        features = (path.flatten(2), known, torch.stack(near, dim=-1))
        east, north, forward = path[:, :, self.history_steps :].unbind(dim=-1)
        places = torch.stack((east, north, forward, east**2, north**2, east * north), dim=-1)
        viewers = self.path(torch.cat(features, dim=-1))
        keys, values = (
            layer(viewers).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.key, self.value)
        )
        return CrowdMemory(
            keys,
            values,
            places.transpose(1, 2),
            window.crowd_valid[:, :, self.history_steps :].transpose(1, 2),
            axes,
        )

    def attend_at(self, column: int, state: Tensor, memory: CrowdMemory) -> Tensor:
        """The context at one horizon alone, for a model that predicts step by step.

        Args:
            column: Number of the horizon, from 0.
            state: Shape ``(batch, state_width)``.
            memory: From `read`.

        Returns:
            Shape ``(batch, state_width)``.
        """
        at = slice(column, column + 1)
        there = memory._replace(places=memory.places[:, at], valid=memory.valid[:, at])
        query = self.query(state + self.steps[column])
        return self._attend(query.unsqueeze(1), there).values[:, 0]

    def forward(self, state: Tensor, memory: CrowdMemory) -> CrowdContext:
        """The context at every horizon.

        Args:
            state: Shape ``(batch, state_width)``, or ``(batch, horizon, state_width)`` where every
                step has a state of its own.
            memory: From `read`.
        """
        if state.ndim == 2:
            state = state.unsqueeze(1)
        # The map is linear: what all steps share goes through it once.
        steps = nn.functional.linear(self.steps, self.query.weight)
        return self._attend(self.query(state) + steps, memory)

    def _attend(self, query: Tensor, memory: CrowdMemory) -> CrowdContext:
        query = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        places = memory.places.to(query.dtype)
        scores = query @ memory.keys.transpose(2, 3)
        place_query = torch.einsum("bhsc,hcp->bshp", query, self.key_place.to(query.dtype))
        scores = scores + (place_query @ places.transpose(2, 3)).transpose(1, 2)
        scores = scores.masked_fill(~memory.valid.unsqueeze(1), -torch.inf)
        nobody = torch.einsum("bhsc,hc->bhs", query, self.nobody.to(query.dtype)).unsqueeze(-1)
        scores = torch.cat((scores, nobody), dim=-1) * query.shape[-1] ** -0.5
        weights = scores.softmax(dim=-1)[..., :-1].to(query.dtype)
        values = (weights @ memory.values).transpose(1, 2).flatten(2)
        place = weights.transpose(1, 2) @ places
        if self.in_world:
            turned = place[..., :3] @ memory.axes.transpose(1, 2).unsqueeze(1).to(place.dtype)
            place = torch.cat((turned, place[..., 3:]), dim=-1)
        context = self.output(torch.cat((values, place.flatten(2)), dim=-1))
        context = context * memory.valid.any(dim=2).unsqueeze(-1)
        return CrowdContext(context, weights.mean(dim=1))


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over the measured steps, pi, the largest distance, where there is none."""
    count = valid.sum(dim=-1)
    mean = torch.where(valid, values, 0.0).sum(dim=-1) / count.clamp(min=1)
    return torch.where(count > 0, mean, torch.pi)
