"""Saliency maps as tokens, and a trajectory that asks them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.geometry.tangent import viewport_axes
from vpnet.models.attention import attend, together

LEAST_DENSITY = 1e-2
"""What a cell has at least, the mean of a map being 1, before its logarithm is taken."""


class SaliencyTokens(NamedTuple):
    """What the distinct maps of a batch hold, cell by cell."""

    features: Tensor
    """Shape ``(maps, tokens, width)``."""
    log_mass: Tensor
    """Logarithm of a cell's share of its map's mass, nearly, ``(maps, tokens)``."""
    directions: Tensor
    """Unit vectors of the cells in the world, ``(tokens, 3)``."""


class SaliencyEncoder(nn.Module):
    """Convolutions over an equirectangular map; columns wrap, rows do not.

    Beside its features a token keeps the mass of its cell.

    3x3 (32), 3x3 / 2 (64), 3x3 / 2 (128), GELU, pooled to a grid of tokens. Maps are given once
    each, however many windows look at them.

    Args:
        width: Channels of a token.
        grid: Rows and columns of tokens.
    """

    directions: Tensor
    log_area: Tensor

    def __init__(self, width: int = 128, grid: tuple[int, int] = (14, 28)) -> None:
        super().__init__()
        self.grid = grid
        self.convolutions = nn.ModuleList(
            (nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3, stride=2), nn.Conv2d(64, width, 3, stride=2))
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
    """The trajectory state asks, for every horizon, the tokens of the map that stands then.

    Every token is told where it lies relative to the viewport centre: a linear map of its unit
    vector along east, north and forward of the centre is added to it. Both additions are linear, so
    keys and values are projected once per distinct map, not once per window, and the positions join
    as three numbers a token, in the world's axes, to which the question is turned; the result is
    that of plain multi-head attention.

    The logarithm of a token's mass is added to its score, times a number that each head learns and
    that starts at 1: so before anything is learned a head looks where the map says that one looks.

    Args:
        map_of_horizon: Which of a window's maps each horizon asks.
        state_width: Width of the trajectory state.
        token_width: Width of the tokens.
        heads: Attention heads; ``state_width`` is a multiple of it.
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
        self.trust = nn.Parameter(torch.ones(heads))

    def forward(
        self,
        state: Tensor,
        tokens: SaliencyTokens,
        saliency_index: Tensor,
        viewport_center: Tensor,
    ) -> Tensor:
        """What the state learns from the maps.

        Args:
            state: Shape ``(batch, state_width)``.
            tokens: Tokens of the distinct maps.
            saliency_index: Each window's maps, -1 for none, shape ``(batch, moments)``.
            viewport_center: At the anchor, shape ``(batch, 3)``.

        Returns:
            Shape ``(batch, horizon, state_width)``; 0 where a window has no map.
        """
        asked_map = saliency_index[:, self.map_of_horizon]
        if len(tokens.features) == 0:
            return state.new_zeros(*asked_map.shape, state.shape[1])
        # The map is linear: what all steps share goes through it once.
        steps = nn.functional.linear(self.steps, self.query.weight)
        query = (self.query(state).unsqueeze(1) + steps).unflatten(2, (self.heads, -1))
        # (heads, width of a head, 3): what a token's position adds to its key and its value.
        key_position = (self.key.weight @ self.position.weight).unflatten(0, (self.heads, -1))
        value_position = (self.value.weight @ self.position.weight).unflatten(0, (self.heads, -1))
        axes = viewport_axes(viewport_center)
        asked_position = torch.einsum("bshc,hcp->bshp", query, key_position.to(query.dtype))
        asked_position = asked_position @ axes.transpose(1, 2).unsqueeze(1).to(query.dtype)

        scale = query.shape[3] ** -0.5
        trust = (self.trust / scale).to(query.dtype)[:, None].expand(*query.shape[:3], 1)

        grid = together(asked_map.clamp(min=0).flatten(), len(tokens.features))
        asking = grid.gather(torch.cat((query, asked_position, trust), dim=3).flatten(0, 1))
        key, value = (part[grid.map_of_row] for part in self._keys_and_values(tokens))
        found = attend(asking.transpose(1, 2), key, value, scale)
        found = grid.scatter(found.transpose(1, 2)).unflatten(0, asked_map.shape)
        seen_position = found[..., -3:] @ axes.unsqueeze(1).to(found.dtype)
        attended = found[..., :-3] + torch.einsum(
            "bshp,hcp->bshc", seen_position, value_position.to(found.dtype)
        )
        # Not a product: the map that stands in for none may be anything, NaN included.
        answer = self.output(attended.flatten(2))
        return torch.where((asked_map >= 0).unsqueeze(2), answer, answer.new_zeros(()))

    def _keys_and_values(self, tokens: SaliencyTokens) -> tuple[Tensor, Tensor]:
        """``(maps, heads, tokens, width + 4)`` and ``(maps, heads, tokens, width + 3)``.

        Behind a key stand the token's place and its mass, behind a value its place.
        """
        features = tokens.features + self.position.bias
        key, value = (
            layer(features).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.key, self.value)
        )
        place = tokens.directions.to(key.dtype).expand(*key.shape[:3], 3)
        # Against the largest, which changes no weight: bf16 is then finest where the mass is.
        log_mass = tokens.log_mass - tokens.log_mass.amax(dim=1, keepdim=True)
        mass = log_mass.to(key.dtype)[:, None, :, None].expand(*key.shape[:3], 1)
        return torch.cat((key, place, mass), dim=3), torch.cat((value, place), dim=3)
