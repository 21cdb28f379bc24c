"""PAVER's encoder: ViT-B/16 on patches of the sphere."""

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vpnet.paver.sphere_patches import COLUMNS, ROWS, SpherePatches

ARCHITECTURE = "vit_base_patch16_224"
"""timm's name of the network."""


class SpherePatchEmbedding(nn.Module):
    """Patches of the sphere as tokens, ``(frames, 392, 768)``.

    Args:
        projection: The ordinary patch convolution.
        seam: See `vpnet.paver.sphere_patches.SpherePatches`.
    """

    def __init__(self, projection: nn.Module, seam: str) -> None:
        super().__init__()
        self.sphere_patches = SpherePatches(seam)
        self.proj = projection

    def forward(self, frames: Tensor) -> Tensor:
        """Embed ``frames``, ``(frames, 3, 224, 448)``."""
        return self.proj(self.sphere_patches(frames)).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    """ViT-B/16 with the sphere's patches in place of the image's.

    The state dict has timm's names, with the position embedding as it is stored for 224 x 224
    images. Source: Yun et al., ECCV 2022; Dosovitskiy et al., ICLR 2021.

    Args:
        seam: See `vpnet.paver.sphere_patches.SpherePatches`.
    """

    def __init__(self, seam: str = "zero") -> None:
        super().__init__()
        made = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0)
        assert isinstance(made, VisionTransformer)
        assert made.cls_token is not None
        self.patch_embed = SpherePatchEmbedding(made.patch_embed.proj, seam)
        self.cls_token = made.cls_token
        assert made.pos_embed is not None
        self.pos_embed = made.pos_embed
        self.blocks = made.blocks
        self.norm = made.norm

    def position_embedding(self) -> Tensor:
        """The learned embedding at 14 x 28 patches, ``(1, 393, 768)``.

        Bicubic without antialiasing, in float32, as published; timm's own resampler antialiases.
        """
        embedding = self.pos_embed.float()
        side = round((embedding.shape[1] - 1) ** 0.5)
        grid = embedding[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
        with torch.autocast(grid.device.type, enabled=False):
            wide = nn.functional.interpolate(
                grid, (ROWS, COLUMNS), mode="bicubic", align_corners=False
            )
        return torch.cat((embedding[:, :1], wide.flatten(2).transpose(1, 2)), dim=1)

    def forward(self, frames: Tensor) -> Tensor:
        """Tokens of each frame by itself.

        Args:
            frames: In [-1, 1], ``(frames, 3, 224, 448)``.

        Returns:
            Class token, then the patches row by row, ``(frames, 393, 768)``.
        """
        patches = self.patch_embed(frames)
        first = self.cls_token.expand(len(frames), -1, -1).to(patches.dtype)
        tokens = torch.cat((first, patches), dim=1) + self.position_embedding()
        for block in self.blocks.children():
            tokens = block(tokens)
        return self.norm(tokens)
