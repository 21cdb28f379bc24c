"""STAR-VP's spatial attention: at each step the viewpoint asks the salient points of that step.

Source: Gao et al., STAR-VP, ACM MM 2024, doi 10.1145/3664647.3681268. The points of a step are
those of the video, not of the viewer. So each distinct map is encoded once, and those who ask about
it are brought together, whatever windows and steps they come from; the result is that of encoding
every step of every window by itself.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vpnet.models.attention import together
from vpnet.models.perceiver import PerceiverBlock

POINT_FEATURES = 4
"""Of a salient point, and of a viewpoint: x, y, z and a number."""


class SpatialFeatures(NamedTuple):
    """What the attention found at each step."""

    viewpoint: Tensor
    """Shape ``(batch, steps, width)``."""
    saliency: Tensor | None
    """Mean of the encoded points, ``(batch, steps, width)``; None without saliency."""


class SpatialAttention(nn.Module):
    """Two self-attention blocks over the points of a map, two blocks in which viewpoints ask them.

    A step without a map asks one learned vector, which stands for its absence.

    Args:
        has_saliency: Whether windows carry saliency; without it only the blocks' networks work.
        width: Of all tokens.
        extra: Numbers that join each viewpoint token, 0 for none.
        heads: Attention heads.
        blocks: Of the encoder, and of the decoder.
        widening: See `PerceiverBlock`, as the next.
        dropout: In training; windows that share a map share what is dropped of its points.
    """

    def __init__(
        self,
        has_saliency: bool,
        width: int = 256,
        extra: int = 0,
        heads: int = 8,
        blocks: int = 2,
        widening: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()

        def stack() -> nn.ModuleList:
            return nn.ModuleList(
                PerceiverBlock(width, width, heads, widening, dropout) for _ in range(blocks)
            )

        self.viewpoint_mark = nn.Parameter(torch.zeros(1))
        self.viewpoint = nn.Linear(POINT_FEATURES + extra, width)
        self.decoder = stack()
        self.has_saliency = has_saliency
        if has_saliency:
            self.point = nn.Linear(POINT_FEATURES, width)
            self.encoder = stack()
            self.absence = nn.Parameter(0.02 * torch.randn(width))

    def forward(
        self,
        path: Tensor,
        points: Tensor,
        steps: Tensor,
        extra: Tensor | None = None,
        added: Tensor | None = None,
    ) -> SpatialFeatures:
        """Features of each step.

        Args:
            path: Viewpoints, unit vectors, ``(batch, steps, 3)``.
            points: Salient points of the distinct maps, ``(maps, points, 4)``.
            steps: Row of the map of each step, -1 for none, ``(batch, steps)``.
            extra: What joins the viewpoints, ``(batch, steps, extra)``.
            added: What is added to their tokens, ``(batch, steps, width)``.
        """
        mark = self.viewpoint_mark.to(path.dtype).expand(*path.shape[:2], 1)
        parts = (path, mark) if extra is None else (path, mark, extra)
        token = self.viewpoint(torch.cat(parts, dim=-1))
        if added is not None:
            token = token + added
        if not self.has_saliency:
            for block in self.decoder:
                token = block(token, None)
            return SpatialFeatures(token, None)
        encoded = self._encode(points)
        map_of = torch.where(steps < 0, len(encoded) - 1, steps).flatten()
        grid = together(map_of, len(encoded))
        asking = grid.gather(token.flatten(0, 1))
        for block in self.decoder:
            asking = block(asking, encoded, grid.map_of_row)
        viewpoint = grid.scatter(asking).unflatten(0, steps.shape)
        return SpatialFeatures(viewpoint, encoded.mean(dim=1)[map_of].unflatten(0, steps.shape))

    def _encode(self, points: Tensor) -> Tensor:
        """Tokens of the maps' points, and one map more that stands for none."""
        tokens = self.point(points)
        for block in self.encoder:
            tokens = block(tokens, tokens)
        absence = self.absence.to(tokens.dtype).expand(1, max(points.shape[1], 1), -1)
        return absence if len(points) == 0 else torch.cat((tokens, absence))
