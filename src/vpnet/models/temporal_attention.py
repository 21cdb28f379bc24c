"""STAR-VP's temporal attention: the steps to come ask the viewpoints and saliency of all steps.

Source: Gao et al., STAR-VP, ACM MM 2024, doi 10.1145/3664647.3681268.
"""

import torch
from torch import Tensor, nn

from vpnet.models.perceiver import FOURIER_BANDS, PerceiverBlock, fourier_positions

POSITION_WIDTH = 2 * FOURIER_BANDS + 1
LEARNED_WIDTH = 127
QUERY_WIDTH = POSITION_WIDTH + LEARNED_WIDTH


class TemporalAttention(nn.Module):
    """Self-attention over the tokens of all steps; the steps asked for ask them.

    A token is [feature; Fourier position; a learned vector of its modality], a query [Fourier
    position; a learned vector].

    Args:
        steps: Moments of the steps, ascending, in steps of the clock.
        has_saliency: Whether there are saliency tokens beside those of the viewpoint.
        width: Of the features.
        heads: Attention heads.
        blocks: Of the encoder, and of the decoder.
        widening: See `PerceiverBlock`, as the next.
        dropout: In training.
    """

    positions: Tensor

    def __init__(
        self,
        steps: Tensor,
        has_saliency: bool,
        width: int = 256,
        heads: int = 8,
        blocks: int = 2,
        widening: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.register_buffer("positions", fourier_positions(steps), persistent=False)
        modalities = 2 if has_saliency else 1
        self.modality = nn.Parameter(0.02 * torch.randn(modalities, LEARNED_WIDTH))
        self.asking = nn.Parameter(0.02 * torch.randn(LEARNED_WIDTH))
        token_width = width + QUERY_WIDTH
        self.encoder = nn.ModuleList(
            PerceiverBlock(token_width, token_width, heads, widening, dropout)
            for _ in range(blocks)
        )
        self.decoder = nn.ModuleList(
            PerceiverBlock(QUERY_WIDTH, token_width, heads, widening, dropout)
            for _ in range(blocks)
        )

    def forward(self, viewpoint: Tensor, saliency: Tensor | None, first_asked: int) -> Tensor:
        """States of the steps asked for.

        Args:
            viewpoint: Features of the viewpoint, ``(batch, steps, width)``.
            saliency: Features of the saliency, same shape; None without it.
            first_asked: The first step that is asked for.

        Returns:
            Shape ``(batch, steps - first_asked, QUERY_WIDTH)``.
        """
        features = [viewpoint] if saliency is None else [viewpoint, saliency]
        tokens = torch.cat(
            [
                self._join(feature, learned)
                for feature, learned in zip(features, self.modality, strict=True)
            ],
            dim=1,
        )
        for block in self.encoder:
            tokens = block(tokens, tokens)
        positions = self.positions[first_asked:]
        learned = self.asking.expand(len(positions), -1)
        state = torch.cat((positions, learned), dim=1).expand(len(viewpoint), -1, -1)
        for block in self.decoder:
            state = block(state, tokens)
        return state

    def _join(self, feature: Tensor, learned: Tensor) -> Tensor:
        batch, steps, _ = feature.shape
        where = self.positions.to(feature.dtype).expand(batch, -1, -1)
        return torch.cat(
            (feature, where, learned.to(feature.dtype).expand(batch, steps, -1)), dim=2
        )
