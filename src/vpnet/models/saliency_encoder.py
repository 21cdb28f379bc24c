"""Saliency maps as tokens, and a trajectory that asks them."""

import torch
from torch import Tensor, nn

from vpnet.geometry.equirectangular import pixel_directions
from vpnet.geometry.tangent import tangent_axes


class SaliencyEncoder(nn.Module):
    """Convolutions over an equirectangular map; columns wrap, rows do not.

    3x3 (32), 3x3 / 2 (64), 3x3 / 2 (128), GELU, pooled to a grid of tokens. Maps are given once
    each, however many windows look at them.

    Args:
        width: Channels of a token.
        grid: Rows and columns of tokens.
    """

    def __init__(self, width: int = 128, grid: tuple[int, int] = (14, 28)) -> None:
        super().__init__()
        self.grid = grid
        self.convolutions = nn.ModuleList(
            (nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3, stride=2), nn.Conv2d(64, width, 3, stride=2))
        )
        self.register_buffer("token_directions", pixel_directions(*grid).reshape(-1, 3), False)

    def forward(self, maps: Tensor) -> Tensor:
        """Tokens of maps.

        Args:
            maps: Solid-angle normalised, shape ``(maps, height, width)``.

        Returns:
            Shape ``(maps, tokens, width)``.
        """
        # Densities span decades; the logarithm keeps the faint ones visible.
        features = torch.log1p(maps).unsqueeze(1)
        for convolution in self.convolutions:
            wrapped = nn.functional.pad(features, (1, 1, 0, 0), mode="circular")
            padded = nn.functional.pad(wrapped, (0, 0, 1, 1), mode="replicate")
            features = nn.functional.gelu(convolution(padded))
        pooled = nn.functional.adaptive_avg_pool2d(features, self.grid)
        return pooled.flatten(2).transpose(1, 2)


class SaliencyAttention(nn.Module):
    """The trajectory state asks the tokens of the map its window looks at.

    Every token is told where it lies relative to the viewport centre: a linear map of its unit
    vector along east, north and forward of the centre is added to it. Both additions are linear, so
    keys and values are projected once per distinct map, not once per window, and the positions join
    as three numbers a token; the result is that of plain multi-head attention.

    Args:
        state_width: Width of the trajectory state.
        token_width: Width of the tokens.
        heads: Attention heads; ``state_width`` is a multiple of it.
    """

    def __init__(self, state_width: int = 256, token_width: int = 128, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.position = nn.Linear(3, token_width)
        self.query = nn.Linear(state_width, state_width)
        self.key = nn.Linear(token_width, state_width)
        self.value = nn.Linear(token_width, state_width)
        self.output = nn.Linear(state_width, state_width)

    def forward(
        self,
        state: Tensor,
        tokens: Tensor,
        token_directions: Tensor,
        saliency_index: Tensor,
        viewport_center: Tensor,
    ) -> Tensor:
        """What the state learns from the map.

        Args:
            state: Shape ``(batch, state_width)``.
            tokens: Tokens of the distinct maps, shape ``(maps, tokens, token_width)``.
            token_directions: Their unit vectors in the world, shape ``(tokens, 3)``.
            saliency_index: Each window's map, -1 for none, shape ``(batch,)``.
            viewport_center: At the anchor, shape ``(batch, 3)``.

        Returns:
            Shape ``(batch, state_width)``; 0 where a window has no map.
        """
        if len(tokens) == 0:
            return torch.zeros_like(state)
        query = self.query(state).unflatten(1, (self.heads, -1))
        keys = self.key(tokens + self.position.bias).unflatten(2, (self.heads, -1))
        values = self.value(tokens + self.position.bias).unflatten(2, (self.heads, -1))
        # (heads, width of a head, 3): what a token's position adds to its key and its value.
        key_position = (self.key.weight @ self.position.weight).unflatten(0, (self.heads, -1))
        value_position = (self.value.weight @ self.position.weight).unflatten(0, (self.heads, -1))
        east, north = tangent_axes(viewport_center)
        axes = torch.stack((east, north, viewport_center), dim=-1)
        positions = torch.matmul(token_directions, axes)

        asked_position = torch.einsum("bhc,hcp->bhp", query, key_position)
        scores = torch.einsum("bhp,bnp->bhn", asked_position, positions)
        scores = scores + _per_window("bhc,{}nhc->bhn", query, keys, saliency_index)
        weights = torch.softmax(scores / query.shape[-1] ** 0.5, dim=-1)
        seen_position = torch.einsum("bhn,bnp->bhp", weights, positions)
        attended = torch.einsum("bhp,hcp->bhc", seen_position, value_position)
        attended = attended + _per_window("bhn,{}nhc->bhc", weights, values, saliency_index)
        # Not a product: the map that stands in for none may be anything, NaN included.
        answer = self.output(attended.flatten(1))
        return torch.where((saliency_index >= 0).unsqueeze(1), answer, answer.new_zeros(()))


def _per_window(equation: str, asking: Tensor, of_map: Tensor, saliency_index: Tensor) -> Tensor:
    """Contract each window's row with what its map holds, without a copy where there is one map."""
    if len(of_map) == 1:
        return torch.einsum(equation.format(""), asking, of_map[0])
    return torch.einsum(equation.format("b"), asking, of_map[saliency_index.clamp(min=0)])
