"""From the steps of one stream to one vector."""

from typing import Literal

import torch
from torch import Tensor, nn

Projection = Literal["linear", "conv"]
TemporalEncoder = Literal["gru", "transformer"]


class StreamEncoder(nn.Module):
    """Projects every step, then reads the steps in order.

    Args:
        features: Features a step.
        width: Width of the projection.
        hidden: Width of the result.
        history_steps: Number of steps.
        projection: ``linear``, or ``conv`` (kernel 3 over time).
        encoder: ``gru`` (its last state), or ``transformer`` (a class token that attends to the
            measured steps; learned positions, 2 layers, 4 heads).
    """

    def __init__(
        self,
        features: int,
        width: int,
        hidden: int,
        history_steps: int,
        projection: Projection = "linear",
        encoder: TemporalEncoder = "gru",
    ) -> None:
        super().__init__()
        self.projection = (
            nn.Linear(features, width)
            if projection == "linear"
            else nn.Conv1d(features, width, kernel_size=3, padding=1)
        )
        self.norm = nn.LayerNorm(width)
        self.encoder = (
            nn.GRU(width, hidden, batch_first=True)
            if encoder == "gru"
            else _ClassTokenTransformer(width, hidden, history_steps)
        )

    def forward(self, features: Tensor, valid: Tensor) -> Tensor:
        """Encode a batch of histories.

        Args:
            features: Masked features, shape ``(batch, history, features)``.
            valid: Which steps were measured, shape ``(batch, history)``.

        Returns:
            Shape ``(batch, hidden)``; 0 where no step was measured.
        """
        if isinstance(self.projection, nn.Conv1d):
            projected = self.projection(features.transpose(1, 2)).transpose(1, 2)
        else:
            projected = self.projection(features)
        projected = self.norm(projected)
        if isinstance(self.encoder, nn.GRU):
            encoded = self.encoder(projected)[1][-1]
        else:
            encoded = self.encoder(projected, valid)
        return encoded * valid.any(dim=1, keepdim=True)


class _ClassTokenTransformer(nn.Module):
    def __init__(self, width: int, hidden: int, history_steps: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, hidden)
        self.class_token = nn.Parameter(torch.randn(1, 1, hidden) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, history_steps, hidden) * 0.02)
        layer = nn.TransformerEncoderLayer(
            hidden,
            nhead=4,
            dim_feedforward=2 * hidden,
            dropout=0.1,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, projected: Tensor, valid: Tensor) -> Tensor:
        steps = self.widen(projected) + self.positions
        tokens = torch.cat((self.class_token.expand(len(steps), -1, -1), steps), dim=1)
        hidden_steps = torch.nn.functional.pad(~valid, (1, 0), value=False)
        return self.norm(self.layers(tokens, src_key_padding_mask=hidden_steps)[:, 0])
