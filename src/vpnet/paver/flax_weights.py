"""ViT-B/16 weights as the vision transformer's authors publish them, under timm's names."""

from collections.abc import Mapping

import torch
from torch import Tensor

_BLOCK = "Transformer/encoderblock_{}/"
_ATTENTION = _BLOCK + "MultiHeadDotProductAttention_1/"


def from_flax(flax: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename and transpose: Flax keeps the input before the output, and heads apart.

    Args:
        flax: Arrays of the .npz file, by name.

    Returns:
        timm's state dict, without the classification head.

    Raises:
        KeyError: An array is missing.
    """
    state = {
        "cls_token": flax["cls"],
        "pos_embed": flax["Transformer/posembed_input/pos_embedding"],
        "patch_embed.proj.weight": flax["embedding/kernel"].permute(3, 2, 0, 1),
        "patch_embed.proj.bias": flax["embedding/bias"],
        "norm.weight": flax["Transformer/encoder_norm/scale"],
        "norm.bias": flax["Transformer/encoder_norm/bias"],
    }
    for number in range(12):
        block, attention = _BLOCK.format(number), _ATTENTION.format(number)
        ours = f"blocks.{number}."
        parts = [flax[f"{attention}{part}/kernel"] for part in ("query", "key", "value")]
        state[f"{ours}attn.qkv.weight"] = torch.cat([part.flatten(1).T for part in parts])
        parts = [flax[f"{attention}{part}/bias"] for part in ("query", "key", "value")]
        state[f"{ours}attn.qkv.bias"] = torch.cat([part.flatten() for part in parts])
        state[f"{ours}attn.proj.weight"] = flax[f"{attention}out/kernel"].flatten(0, 1).T
        state[f"{ours}attn.proj.bias"] = flax[f"{attention}out/bias"]
        for norm, name in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            state[f"{ours}{norm}.weight"] = flax[f"{block}{name}/scale"]
            state[f"{ours}{norm}.bias"] = flax[f"{block}{name}/bias"]
        for layer, name in (("fc1", "Dense_0"), ("fc2", "Dense_1")):
            state[f"{ours}mlp.{layer}.weight"] = flax[f"{block}MlpBlock_3/{name}/kernel"].T
            state[f"{ours}mlp.{layer}.bias"] = flax[f"{block}MlpBlock_3/{name}/bias"]
    return {name: value.float().contiguous() for name, value in state.items()}
