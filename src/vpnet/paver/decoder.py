"""PAVER's decoder: how much each patch differs from its frame, its past and its surroundings."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

WIDTH = 768
"""Channels of a token."""


class SpaceTimeAttention(nn.Module):
    """Attention among the patches of a frame and among the frames of a patch, averaged.

    Both use the same queries, keys and values.
    """

    def __init__(self, width: int = WIDTH, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend; ``tokens`` and the result have the shape ``(clips, time, patches, width)``."""
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))
        # (3, clips, heads, time, patches, channels)
        query, key, value = qkv.permute(3, 0, 4, 1, 2, 5)
        spatial = scaled_dot_product_attention(query, key, value)
        temporal = scaled_dot_product_attention(
            *(part.transpose(2, 3) for part in (query, key, value))
        ).transpose(2, 3)
        mean = (spatial + temporal) / 2
        return self.proj(mean.permute(0, 2, 3, 1, 4).flatten(-2))


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform each token by itself."""
        return self.fc2(nn.functional.gelu(self.fc1(tokens)))


class SpaceTimeBlock(nn.Module):
    """A transformer block around `SpaceTimeAttention`."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        # Epsilon 1e-5 here and 1e-6 in the encoder, as published.
        self.norm1 = nn.LayerNorm(width)
        self.attn = SpaceTimeAttention(width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform ``tokens``, ``(clips, time, patches, width)``."""
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Decoder(nn.Module):
    """Scores of the patches of a clip.

    The state dict has the names of the released checkpoint, without its three constant buffers.
    Source: Yun et al., ECCV 2022, section 3.2, and their published code.
    """

    def __init__(self) -> None:
        super().__init__()
        # In the checkpoint, and without effect there too.
        self.register_buffer("temp_score_weight", torch.ones(1))
        self.register_buffer("spat_score_weight", torch.ones(1))
        self.cls_encoder = Mlp(WIDTH, WIDTH)
        self.attn_layer = SpaceTimeBlock()

    def forward(self, tokens: Tensor) -> Tensor:
        """How much each patch differs from the frame's class, its mean over time and over space.

        Args:
            tokens: Of the encoder, ``(clips, time, 393, 768)``.

        Returns:
            Sum of the three mean squared differences, float32, ``(clips, time, 392)``. A clip of
            one frame has no difference in time.
        """
        label = self.cls_encoder(tokens[:, :, :1]).float()
        patches = self.attn_layer(tokens[:, :, 1:]).float()
        score = torch.zeros_like(patches[..., 0])
        for reference in (label, patches.mean(dim=1, keepdim=True), patches.mean(2, keepdim=True)):
            score = score + (reference - patches).square().mean(dim=-1)
        return score
