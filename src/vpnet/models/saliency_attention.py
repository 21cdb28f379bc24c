"""Saliency maps as tokens, and attention between them and the viewer, in either direction.

`SaliencyAttention`: the trajectory state attends to the tokens of a map. `PersonalSaliency`: the
tokens of a map attend to the viewer's streams, which makes a map of the viewer's own.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.geometry.tangent import viewport_axes
from vpnet.models.attention import attend, group_by_map

GRID = (14, 28)
"""Rows and columns of tokens."""

LEAST_DENSITY = 1e-2
"""Lower bound of a cell's density, the mean of a map being 1, before its logarithm is taken."""


class SaliencyTokens(NamedTuple):
    """The cells of the distinct maps of a batch."""

    features: Tensor
    """Shape ``(maps, tokens, width)``."""
    log_mass: Tensor
    """Logarithm of a cell's share of its map's mass, nearly, ``(maps, tokens)``."""
    directions: Tensor
    """Unit vectors of the cells in the world, ``(tokens, 3)``."""


class SaliencyEncoder(nn.Module):
    """Convolutions over an equirectangular map; columns wrap, rows do not.

    3x3 (32), 3x3 / 2 (64), 3x3 / 2 (128), GELU, pooled to a grid of tokens. A token keeps the mass
    of its cell in addition to its features. Each distinct map is encoded once. ``width`` is the
    number of channels of a token, of which the first two layers have a quarter and a half.
    """

    directions: Tensor
    log_area: Tensor

    def __init__(self, width: int = 128, grid: tuple[int, int] = GRID) -> None:
        super().__init__()
        self.grid = grid
        first, second = width // 4, width // 2
        self.convolutions = nn.ModuleList(
            (
                nn.Conv2d(1, first, 3),
                nn.Conv2d(first, second, 3, stride=2),
                nn.Conv2d(second, width, 3, stride=2),
            )
        )
        self.register_buffer("directions", pixel_directions(*grid).reshape(-1, 3), False)
        area = solid_angle_weights(*grid).reshape(-1)
        self.register_buffer("log_area", area.log(), False)

    def forward(self, maps: Tensor) -> SaliencyTokens:
        """Tokens of maps.

        Args:
            maps: Solid-angle normalised, shape ``(maps, height, width)``.
        """
        density = nn.functional.adaptive_avg_pool2d(maps.unsqueeze(1), self.grid).flatten(1)
        log_mass = density.clamp(min=LEAST_DENSITY).log() + self.log_area
        # Densities span decades; the logarithm keeps the faint ones visible.
        features = torch.log1p(maps).unsqueeze(1)
        for convolution in self.convolutions:
            wrapped = nn.functional.pad(features, (1, 1, 0, 0), mode="circular")
            padded = nn.functional.pad(wrapped, (0, 0, 1, 1), mode="replicate")
            features = nn.functional.gelu(convolution(padded))
        pooled = nn.functional.adaptive_avg_pool2d(features, self.grid)
        return SaliencyTokens(pooled.flatten(2).transpose(1, 2), log_mass, self.directions)


class SaliencyAttention(nn.Module):
    """For every horizon the trajectory state attends to the map displayed at that time.

    A linear map of a token's unit vector along east, north and forward of the viewport centre is
    added to the token. The additions are linear, so keys and values are projected once per distinct
    map, not once per window, and the positions join as three numbers a token, in the world's axes,
    into which the query is turned; the result is that of plain multi-head attention.

    The logarithm of a token's mass, times a scale that each head learns and that starts at 1, is
    added to its score: before anything is learned a head looks where the map is salient.

    ``map_of_horizon`` says which of a window's maps each horizon attends to; ``state_width`` is a
    multiple of ``heads``.
    """

    map_of_horizon: Tensor

    def __init__(
        self,
        map_of_horizon: Sequence[int],
        state_width: int = 256,
        token_width: int = 128,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.register_buffer("map_of_horizon", torch.tensor(map_of_horizon), persistent=False)
        self.steps = nn.Parameter(0.02 * torch.randn(len(map_of_horizon), state_width))
        self.position = nn.Linear(3, token_width)
        self.query = nn.Linear(state_width, state_width)
        self.key = nn.Linear(token_width, state_width)
        self.value = nn.Linear(token_width, state_width)
        self.output = nn.Linear(state_width, state_width)
        self.log_mass_scale = nn.Parameter(torch.ones(heads))

    def forward(
        self,
        state: Tensor,
        tokens: SaliencyTokens,
        saliency_index: Tensor,
        viewport_center: Tensor,
    ) -> Tensor:
        """The context of the state in the maps.

        Args:
            state: Shape ``(batch, state_width)``.
            tokens: Tokens of the distinct maps.
            saliency_index: Each window's maps, -1 for none, shape ``(batch, moments)``.
            viewport_center: At the anchor, shape ``(batch, 3)``.

        Returns:
            Shape ``(batch, horizon, state_width)``; 0 where a window has no map.
        """
        index = saliency_index[:, self.map_of_horizon]
        if len(tokens.features) == 0:
            return state.new_zeros(*index.shape, state.shape[1])
        # The map is linear: what all steps share goes through it once.
        steps = nn.functional.linear(self.steps, self.query.weight)
        query = (self.query(state).unsqueeze(1) + steps).unflatten(2, (self.heads, -1))
        # (heads, width of a head, 3): what a token's position adds to its key and its value.
        key_position = (self.key.weight @ self.position.weight).unflatten(0, (self.heads, -1))
        value_position = (self.value.weight @ self.position.weight).unflatten(0, (self.heads, -1))
        axes = viewport_axes(viewport_center)
        query_position = torch.einsum("bshc,hcp->bshp", query, key_position.to(query.dtype))
        query_position = query_position @ axes.transpose(1, 2).unsqueeze(1).to(query.dtype)

        scale = query.shape[3] ** -0.5
        log_mass_scale = (self.log_mass_scale / scale).to(query.dtype)[:, None]
        query = torch.cat(
            (query, query_position, log_mass_scale.expand(*query.shape[:3], 1)), dim=3
        )
        groups = group_by_map(index.clamp(min=0).flatten(), len(tokens.features))
        grid = groups.gather(query.flatten(0, 1))
        key, value = (part[groups.map_of_row] for part in self._keys_and_values(tokens))
        grid = attend(grid.transpose(1, 2), key, value, scale)
        attended = groups.scatter(grid.transpose(1, 2)).unflatten(0, index.shape)
        position = attended[..., -3:] @ axes.unsqueeze(1).to(attended.dtype)
        attended = attended[..., :-3] + torch.einsum(
            "bshp,hcp->bshc", position, value_position.to(attended.dtype)
        )
        # Not a product: the map used in place of none may be anything, NaN included.
        context = self.output(attended.flatten(2))
        return torch.where((index >= 0).unsqueeze(2), context, context.new_zeros(()))

    def _keys_and_values(self, tokens: SaliencyTokens) -> tuple[Tensor, Tensor]:
        """Keys with position and log mass appended, and values with position appended.

        Shapes ``(maps, heads, tokens, width + 4)`` and ``(maps, heads, tokens, width + 3)``.
        """
        features = tokens.features + self.position.bias
        key, value = (
            layer(features).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.key, self.value)
        )
        position = tokens.directions.to(key.dtype).expand(*key.shape[:3], 3)
        # Relative to the largest, which changes no weight: bf16 is then finest where the mass is.
        log_mass = tokens.log_mass - tokens.log_mass.amax(dim=1, keepdim=True)
        mass = log_mass.to(key.dtype)[:, None, :, None].expand(*key.shape[:3], 1)
        return torch.cat((key, position, mass), dim=3), torch.cat((value, position), dim=3)


class PersonalContext(NamedTuple):
    """The context of maps in viewers."""

    values: Tensor
    """For the trajectory state, ``(batch, moments, state_width)``; 0 where a window has no map."""
    maps: Tensor
    """Personalised saliency, solid-angle normalised, ``(batch, moments, rows, columns)``; 0 where a
    window has no map."""


class PersonalSaliency(nn.Module):
    """Tokens of a map attend to the streams of a viewer: one vector each, as the gates left it.

    A token holds its position relative to the viewport centre, as in `SaliencyAttention`. The
    attended value is added to the token, and a small network turns the sum into the logarithm of a
    factor, by which the map becomes the viewer's own: with one stream the attention has no choice,
    but the sum still tells viewers apart. The personalised map then pools the tokens.

    ``streams`` gives the width of each stream's vector by name; ``token_width``, also that of
    queries, keys and values of all heads together, is a multiple of ``heads``.
    """

    solid_angles: Tensor

    def __init__(
        self,
        streams: Mapping[str, int],
        state_width: int = 256,
        token_width: int = 128,
        heads: int = 4,
        grid: tuple[int, int] = GRID,
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
    ) -> PersonalContext:
        """The context, and the personalised maps.

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
            return PersonalContext(values, values.new_zeros(*saliency_index.shape, *self.grid))
        # From here on every moment of a window is a row of its own.
        streams = {name: part.repeat_interleave(moments, 0) for name, part in streams.items()}
        streams_valid = {
            name: part.repeat_interleave(moments) for name, part in streams_valid.items()
        }
        positions = tokens.directions @ viewport_axes(viewport_center)
        has_map = (saliency_index.flatten() >= 0).unsqueeze(1)
        index = saliency_index.flatten().clamp(min=0)
        # Queries of tokens are made once per distinct map; the part of the position joins later.
        placed = self.position(positions)
        query = nn.functional.linear(placed, self.query.weight).repeat_interleave(moments, 0)
        query = self.query(tokens.features)[index] + query
        seen = tokens.features[index] + placed.repeat_interleave(moments, 0)
        seen = self.norm(seen + self._attend(query, streams, streams_valid))

        logits = self.log_ratio(seen).squeeze(2).to(self.solid_angles.dtype)
        shares = torch.softmax(logits + tokens.log_mass[index], dim=1)
        positions = positions.repeat_interleave(moments, 0).to(seen.dtype)
        pooled = shares.to(seen.dtype).unsqueeze(1) @ torch.cat((seen, positions), dim=2)
        # Not a product: the map used in place of none may be anything, NaN included.
        values = self.pooled(pooled.squeeze(1))
        values = torch.where(has_map, values, values.new_zeros(()))
        maps = torch.where(has_map, shares / self.solid_angles, shares.new_zeros(()))
        return PersonalContext(
            values.unflatten(0, saliency_index.shape),
            maps.unflatten(1, self.grid).unflatten(0, saliency_index.shape),
        )

    def _attend(
        self, query: Tensor, streams: Mapping[str, Tensor], streams_valid: Mapping[str, Tensor]
    ) -> Tensor:
        """Attended values, ``(batch, tokens, token_width)``; 0 where all streams are masked."""
        context = torch.stack([self.streams[name](streams[name]) for name in self.streams], dim=1)
        context = context + self.modalities
        valid = torch.stack([streams_valid[name] for name in self.streams], dim=1)
        any_valid = valid.any(dim=1, keepdim=True)
        query, key, value = (
            projected.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for projected in (query, self.key(context), self.value(context))
        )
        # A softmax over nothing is NaN: where all is masked nothing is, and the result dropped.
        mask = (valid | ~any_valid)[:, None, None]
        attended = attend(query, key, value, mask=mask)
        return self.output(attended.transpose(1, 2).flatten(2)) * any_valid.unsqueeze(2)


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
