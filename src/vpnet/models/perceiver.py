"""The attention block of Perceiver IO, and where its tokens stand in time.

Source: Jaegle et al., "Perceiver IO: A General Architecture for Structured Inputs & Outputs", ICLR
2022, as STAR-VP uses it.
"""

import math

import torch
from torch import Tensor, nn

from vpnet.models.attention import attend

FOURIER_BANDS = 64
HIGHEST_FREQUENCY = 20.0


class PerceiverBlock(nn.Module):
    """o = q + Attention(LN q, LN k, LN v), then o + MLP(LN o).

    Args:
        query_width: Width of the tokens that ask.
        key_width: Width of those that are asked.
        heads: Attention heads; ``query_width`` is a multiple of it.
        widening: Width of the MLP's hidden layer over ``query_width``.
        dropout: Of the attention's and the MLP's results, in training.
    """

    def __init__(
        self,
        query_width: int,
        key_width: int,
        heads: int = 8,
        widening: int = 1,
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
            nn.Linear(query_width, widening * query_width),
            nn.GELU(),
            nn.Linear(widening * query_width, query_width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, asking: Tensor, asked: Tensor | None, asked_by: Tensor | None = None
    ) -> Tensor:
        """Ask.

        Args:
            asking: Shape ``(batch, queries, query_width)``.
            asked: Shape ``(sets, keys, key_width)``; None where there is nothing to ask, and the
                attention adds nothing.
            asked_by: Which of the sets each row of ``asking`` asks, ``(batch,)``: what is asked by
                several is projected once. None where row asks set.

        Returns:
            Shape ``(batch, queries, query_width)``.
        """
        if asked is not None:
            asking = asking + self.dropout(self._attend(asking, asked, asked_by))
        return asking + self.dropout(self.mlp(asking))

    def _attend(self, asking: Tensor, asked: Tensor, asked_by: Tensor | None) -> Tensor:
        asked = self.norm_key(asked)
        key, value = self.key(asked), self.value(asked)
        if asked_by is not None:
            key, value = key[asked_by], value[asked_by]
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(self.norm_query(asking)), key, value)
        )
        return self.output(attend(query, key, value).transpose(1, 2).flatten(2))


def fourier_positions(steps: Tensor) -> Tensor:
    """Where each of some steps stands between the first, at -1, and the last, at 1.

    Args:
        steps: Moments, ascending, ``(steps,)``.

    Returns:
        The position, its sines and its cosines of 64 frequencies from 1 to 20, ``(steps, 129)``.
    """
    steps = steps.to(torch.float32)
    position = (2 * (steps - steps[0]) / (steps[-1] - steps[0]) - 1).unsqueeze(1)
    angle = math.pi * torch.linspace(1, HIGHEST_FREQUENCY, FOURIER_BANDS) * position
    return torch.cat((position, angle.sin(), angle.cos()), dim=1)
