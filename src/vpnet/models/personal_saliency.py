"""A map asks the viewer: saliency as this person, in this state, would have it.

The other way round from `SaliencyAttention`: every token of the map asks the viewer's streams what
it is worth to them. The answers make a map of their own, and that map pools the tokens.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.geometry.equirectangular import solid_angle_weights
from vpnet.geometry.tangent import viewport_axes
from vpnet.models.attention import attend
from vpnet.models.saliency_encoder import SaliencyTokens


class PersonalAnswer(NamedTuple):
    """What maps mean to viewers."""

    values: Tensor
    """For the trajectory state, ``(batch, moments, state_width)``; 0 where a window has no map."""
    maps: Tensor
    """Personalised saliency, solid-angle normalised, ``(batch, moments, rows, columns)``; 0
    likewise."""


class PersonalSaliency(nn.Module):
    """Tokens of a map ask the streams of a viewer: one vector each, as the gates left it.

    A token is told where it lies relative to the viewport centre, as in `SaliencyAttention`. What
    it learns from the streams joins it, and a small network turns the sum into the logarithm of a
    factor, by which the map becomes the viewer's own: with one stream the attention has no choice,
    but the sum still tells viewers apart.

    Args:
        streams: Width of each stream's vector, by name.
        state_width: Width of the trajectory state.
        token_width: Width of the tokens, and of queries, keys and values of all heads together.
        heads: Attention heads; ``token_width`` is a multiple of it.
        grid: Rows and columns of tokens.
    """

    solid_angles: Tensor

    def __init__(
        self,
        streams: Mapping[str, int],
        state_width: int = 256,
        token_width: int = 128,
        heads: int = 4,
        grid: tuple[int, int] = (14, 28),
    ) -> None:
        super().__init__()
        self.heads = heads
        self.grid = grid
        self.streams = nn.ModuleDict(
            {name: nn.Linear(width, token_width, bias=False) for name, width in streams.items()}
        )
        self.modalities = nn.Parameter(0.02 * torch.randn(len(streams), token_width))
        self.position = nn.Linear(3, token_width)
        self.query = nn.Linear(token_width, token_width)
        # What is added to all keys, or to all logarithms, cancels.
        self.key = nn.Linear(token_width, token_width, bias=False)
        self.value = nn.Linear(token_width, token_width)
        self.output = nn.Linear(token_width, token_width)
        self.norm = nn.LayerNorm(token_width)
        self.log_ratio = nn.Sequential(
            nn.Linear(token_width, token_width // 2),
            nn.GELU(),
            nn.Linear(token_width // 2, 1, bias=False),
        )
        self.pooled = nn.Linear(token_width + 3, state_width)
        self.register_buffer("solid_angles", solid_angle_weights(*grid).reshape(-1), False)

    def forward(
        self,
        streams: Mapping[str, Tensor],
        streams_valid: Mapping[str, Tensor],
        tokens: SaliencyTokens,
        saliency_index: Tensor,
        viewport_center: Tensor,
    ) -> PersonalAnswer:
        """Ask.

        Args:
            streams: Vector of each stream, by name, shape ``(batch, width)``.
            streams_valid: Which windows have the stream, by name, shape ``(batch,)``.
            tokens: Tokens of the distinct maps.
            saliency_index: Each window's maps, -1 for none, shape ``(batch, moments)``.
            viewport_center: At the anchor, shape ``(batch, 3)``.
        """
        moments = saliency_index.shape[1]
        if len(tokens.features) == 0:
            values = viewport_center.new_zeros(*saliency_index.shape, self.pooled.out_features)
            return PersonalAnswer(values, values.new_zeros(*saliency_index.shape, *self.grid))
        # From here on every moment of a window is a row of its own.
        streams = {name: part.repeat_interleave(moments, 0) for name, part in streams.items()}
        streams_valid = {
            name: part.repeat_interleave(moments) for name, part in streams_valid.items()
        }
        axes = viewport_axes(viewport_center)
        positions = tokens.directions @ axes
        has_map = (saliency_index.flatten() >= 0).unsqueeze(1)
        of_window = saliency_index.flatten().clamp(min=0)
        # Queries of tokens are made once per distinct map; the part of the position joins later.
        placed = self.position(positions)
        query = nn.functional.linear(placed, self.query.weight).repeat_interleave(moments, 0)
        query = self.query(tokens.features)[of_window] + query
        seen = tokens.features[of_window] + placed.repeat_interleave(moments, 0)
        seen = self.norm(seen + self._ask(query, streams, streams_valid))

        logits = self.log_ratio(seen).squeeze(2).to(self.solid_angles.dtype)
        shares = torch.softmax(logits + tokens.log_mass[of_window], dim=1)
        lies_at = positions.repeat_interleave(moments, 0).to(seen.dtype)
        pooled = (shares.to(seen.dtype).unsqueeze(1) @ torch.cat((seen, lies_at), dim=2)).squeeze(1)
        # Not a product: the map that stands in for none may be anything, NaN included.
        values = self.pooled(pooled)
        values = torch.where(has_map, values, values.new_zeros(()))
        maps = torch.where(has_map, shares / self.solid_angles, shares.new_zeros(()))
        return PersonalAnswer(
            values.unflatten(0, saliency_index.shape),
            maps.unflatten(1, self.grid).unflatten(0, saliency_index.shape),
        )

    def _ask(
        self, query: Tensor, streams: Mapping[str, Tensor], streams_valid: Mapping[str, Tensor]
    ) -> Tensor:
        """What every token learns, ``(batch, tokens, token_width)``; 0 where all is masked."""
        asked = torch.stack([self.streams[name](streams[name]) for name in self.streams], dim=1)
        asked = asked + self.modalities
        valid = torch.stack([streams_valid[name] for name in self.streams], dim=1)
        any_valid = valid.any(dim=1, keepdim=True)
        query, key, value = (
            projected.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for projected in (query, self.key(asked), self.value(asked))
        )
        # A softmax over nothing is NaN: where all is masked nothing is, and the answer dropped.
        open_to = (valid | ~any_valid)[:, None, None]
        answer = attend(query, key, value, mask=open_to)
        return self.output(answer.transpose(1, 2).flatten(2)) * any_valid.unsqueeze(2)


def upsample_maps(maps: Tensor, height: int = 120, width: int = 240) -> Tensor:
    """Larger maps, bilinear, without an edge where the columns wrap.

    Args:
        maps: Solid-angle normalised or all zero, shape ``(batch, rows, columns)``.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        Maps of the same kind, shape ``(batch, height, width)``.
    """
    columns = maps.shape[2]
    wrapped = nn.functional.pad(maps.unsqueeze(1), (1, 1, 0, 0), mode="circular")
    # Pixel centres as shares of the wrapped image, which has a column more on either side.
    y = (torch.arange(height, dtype=maps.dtype, device=maps.device) + 0.5) / height
    x = (torch.arange(width, dtype=maps.dtype, device=maps.device) + 0.5) / width
    x = (x * columns + 1) / (columns + 2)
    grid = torch.stack(torch.meshgrid(2 * x - 1, 2 * y - 1, indexing="xy"), dim=-1)
    larger = nn.functional.grid_sample(
        wrapped, grid.expand(len(maps), -1, -1, -1), padding_mode="border", align_corners=False
    ).squeeze(1)
    weights = solid_angle_weights(height, width, maps.dtype).to(maps.device)
    mass = (larger * weights).sum(dim=(1, 2), keepdim=True)
    return larger / mass.clamp(min=torch.finfo(maps.dtype).tiny)
