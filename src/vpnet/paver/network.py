"""PAVER: from frames to saliency maps.

Source: Yun, Lee, Kim, Panoramic Vision Transformer for Saliency Detection in 360 Videos, ECCV 2022;
written anew from the paper and the behaviour of the published code, with its quirks.
"""

import timm
import torch
from timm.layers.mlp import Mlp
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from vpnet.errors import InputError
from vpnet.paver.sphere_patches import COLUMNS, ROWS, HeatMap, SpherePatches

ARCHITECTURE = "vit_base_patch16_224"
DECODER_HEADS = 8


class SpherePatchEmbedding(nn.Module):
    """Patches of the sphere as tokens, ``(frames, 392, width)``."""

    def __init__(self, projection: nn.Module, seam: str) -> None:
        super().__init__()
        self.sphere_patches = SpherePatches(seam)
        self.proj = projection

    def forward(self, frames: Tensor) -> Tensor:
        """Embed ``frames``, ``(frames, 3, 224, 448)``."""
        return self.proj(self.sphere_patches(frames)).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    """A vision transformer with the sphere's patches in place of the image's.

    The state dict has timm's names, with the position embedding as it is stored for 224 x 224
    images. Arguments as in `Paver`. Source: Dosovitskiy et al., ICLR 2021.
    """

    def __init__(self, seam: str, width: int, depth: int, heads: int) -> None:
        super().__init__()
        made = timm.create_model(
            ARCHITECTURE,
            pretrained=False,
            num_classes=0,
            embed_dim=width,
            depth=depth,
            num_heads=heads,
        )
        assert isinstance(made, VisionTransformer)
        assert made.cls_token is not None
        assert made.pos_embed is not None
        self.patch_embed = SpherePatchEmbedding(made.patch_embed.proj, seam)
        self.cls_token = made.cls_token
        self.pos_embed = made.pos_embed
        self.blocks = made.blocks
        self.norm = made.norm

    def position_embedding(self) -> Tensor:
        """The learned embedding at 14 x 28 patches, ``(1, 393, width)``.

        Bicubic without antialiasing, in float32, as published.
        """
        with torch.autocast(self.pos_embed.device.type, enabled=False):
            return resample_abs_pos_embed(  # pyright: ignore[reportCallIssue]
                self.pos_embed.float(), [ROWS, COLUMNS], antialias=False
            )

    def forward(self, frames: Tensor) -> Tensor:
        """Tokens of each frame by itself.

        Args:
            frames: In [-1, 1], ``(frames, 3, 224, 448)``.

        Returns:
            Class token, then the patches row by row, ``(frames, 393, width)``.
        """
        patches = self.patch_embed(frames)
        first = self.cls_token.expand(len(frames), -1, -1).to(patches.dtype)
        tokens = torch.cat((first, patches), dim=1) + self.position_embedding()
        for block in self.blocks.children():
            tokens = block(tokens)
        return self.norm(tokens)


class SpaceTimeAttention(nn.Module):
    """Attention among the patches of a frame and among the frames of a patch, averaged.

    Both use the same queries, keys and values.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = DECODER_HEADS
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


class SpaceTimeBlock(nn.Module):
    """A transformer block around `SpaceTimeAttention`."""

    def __init__(self, width: int) -> None:
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
    """Scores of the patches of a clip (section 3.2 of the paper).

    The state dict has the names of the released checkpoint, without its three constant buffers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        # In the checkpoint, and without effect there too.
        self.register_buffer("temp_score_weight", torch.ones(1))
        self.register_buffer("spat_score_weight", torch.ones(1))
        self.cls_encoder = Mlp(width, width)
        self.attn_layer = SpaceTimeBlock(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """How much each patch differs from the frame's class, its mean over time and over space.

        Args:
            tokens: Of the encoder, ``(clips, time, 393, width)``.

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


class Paver(nn.Module):
    """Panoramic vision transformer for saliency in 360-degree video.

    Args:
        seam: As in `vpnet.paver.sphere_patches.SpherePatches`.
        width: Channels of a token; the defaults of this and the next two are those of the released
            weights, ViT-B/16.
        depth: Transformer blocks of the encoder.
        heads: Attention heads of the encoder.

    Raises:
        InputError: The heads of the encoder or the decoder do not divide the width.
    """

    def __init__(
        self, seam: str = "zero", width: int = 768, depth: int = 12, heads: int = 12
    ) -> None:
        super().__init__()
        if width % heads or width % DECODER_HEADS:
            raise InputError(
                f"saliency.width must be a multiple of saliency.heads and of {DECODER_HEADS}, got "
                f"{width} and {heads}"
            )
        self.encoder = Encoder(seam, width, depth, heads)
        self.decoder = Decoder(width)
        self.heat_map = HeatMap()

    def forward(self, frames: Tensor) -> Tensor:
        """Maps of clips.

        Args:
            frames: In [-1, 1], ``(clips, time, 3, 224, 448)``.

        Returns:
            In [0, 1], each reaching both, ``(clips, time, 224, 448)``.
        """
        clips, time = frames.shape[:2]
        tokens = self.encoder(frames.flatten(0, 1)).unflatten(0, (clips, time))
        return self.heat_map(self.decoder(tokens))
