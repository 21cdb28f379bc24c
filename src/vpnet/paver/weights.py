"""PAVER's weights from files, as far as the files can be trusted."""

import hashlib
import math
import pathlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vpnet.errors import InputError
from vpnet.paver.network import ARCHITECTURE, Paver
from vpnet.paver.sphere_patches import COLUMNS, ROWS, heat_map_basis

ENCODER_TAG = f"{ARCHITECTURE}.augreg_in21k_ft_in1k"
"""timm's name of the encoder's weights; without the suffix it would be other weights."""

_PATHS = [
    getattr(pathlib, name)
    for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
]
"""What the released checkpoint holds in addition to tensors: its configuration has paths."""

_BUFFER_TOLERANCE = 1e-3


def load_weights(
    paver: Paver,
    checkpoint: str | Path | None,
    encoder: str | Path | None = None,
    random_weights: bool = False,
) -> str:
    """Load the decoder's and the encoder's weights.

    Args:
        paver: The network.
        checkpoint: PAVER's released checkpoint, or its bare state dict: the decoder.
        encoder: The encoder's weights as .npz (Flax), .safetensors, or a state dict of torch;
            None lets timm download `ENCODER_TAG`.
        random_weights: Fill the network with random numbers instead; for tests.

    Returns:
        A digest of all weights, 16 digits; that of random weights begins with ``random-``.

    Raises:
        InputError: A file is missing, is no checkpoint, or does not fit the network.
    """
    if random_weights:
        if checkpoint is not None or encoder is not None:
            raise InputError(
                "saliency.random_weights=true is for tests without weights; leave it out where "
                "saliency.checkpoint or saliency.encoder is given"
            )
        with torch.no_grad():
            _fill(paver)
        return f"random-{_digest(paver)}"
    if checkpoint is None:
        raise InputError(
            "PAVER needs its released weights: give saliency.checkpoint=FILE. The repository "
            "github.com/HS-YN/PAVER links to them (Google Drive file "
            "11UIxfGkVLHjgG1VJFwOJ1jPPIorhqrPI, paver_ckpt.pt, 183 MB)"
        )
    _load(paver.decoder, _decoder_state(Path(checkpoint)), f"saliency.checkpoint={checkpoint}")
    state = _downloaded_encoder() if encoder is None else _encoder_state(paver, Path(encoder))
    state = {name: value for name, value in state.items() if not name.startswith("head.")}
    _load(paver.encoder, state, f"saliency.encoder={encoder or ENCODER_TAG}")
    return _digest(paver)


def _fill(paver: Paver) -> None:
    """Small random numbers, and ones for the norms."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in paver.state_dict().items():
        tensor.normal_(std=0.02, generator=generator)
        if "norm" in name and name.endswith("weight"):
            tensor += 1


def _decoder_state(path: Path) -> dict[str, Tensor]:
    state = _tensors(path, "saliency.checkpoint")
    for name in [name for name in CONSTANTS if name in state]:
        found, expected = state.pop(name), CONSTANTS[name]()
        fits = found.shape == expected.shape
        if not fits or (found.double() - expected.double()).abs().max() > _BUFFER_TOLERANCE:
            raise InputError(
                f"saliency.checkpoint={path}: its constant {name} is not that of the published "
                f"PAVER (shape {tuple(expected.shape)}, here {tuple(found.shape)}): the checkpoint "
                "was made for another geometry; take the released one"
            )
    return state


def _encoder_state(paver: Paver, path: Path) -> dict[str, Tensor]:
    if path.suffix != ".npz":
        return _tensors(path, "saliency.encoder")
    _check_file(path, "saliency.encoder")
    try:
        with np.load(path, allow_pickle=False) as file:
            flax = {name: torch.from_numpy(file[name]) for name in file.files}
            return _from_flax(flax, depth=len(list(paver.encoder.blocks.children())))
    except (ValueError, OSError, EOFError, KeyError, RuntimeError, BadZipFile) as error:
        raise InputError(
            f"saliency.encoder={path}: is not a Flax ViT-B/16 checkpoint in .npz ({error!r}); "
            f"take that of timm's {ENCODER_TAG}"
        ) from error


def _downloaded_encoder() -> dict[str, Tensor]:
    try:
        return timm.create_model(ENCODER_TAG, pretrained=True).state_dict()
    except Exception as error:  # whatever the network and the hub's library raise
        raise InputError(
            f"timm could not download the encoder's weights ({type(error).__name__}: {error}). "
            f"Download timm/{ENCODER_TAG} (model.safetensors) from the Hugging Face hub on a "
            "machine with internet, and give saliency.encoder=FILE"
        ) from error


def _check_file(path: Path, option: str) -> None:
    if not path.is_file():
        raise InputError(f"{option}={path}: no such file")


def _tensors(path: Path, option: str) -> dict[str, Tensor]:
    """The state dict of a file, or that under its key ``model``; no code in it is run."""
    _check_file(path, option)
    content: object
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            with torch.serialization.safe_globals(_PATHS):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{option}={path}: holds more than tensors and plain values, and is not loaded, since "
            f"it could run code: {str(error).splitlines()[0]}"
        ) from error
    except (SafetensorError, RuntimeError, ValueError, OSError, EOFError, KeyError) as error:
        raise InputError(
            f"{option}={path}: is not a whole file of weights ({error}); download it again"
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise InputError(
            f"{option}={path}: must hold tensors by name, or such a dict under 'model'; "
            f"found {type(content).__name__}"
        )
    return dict(content)


def _load(module: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    expected = module.state_dict()
    wrong = [f"{name} is missing" for name in expected if name not in state]
    wrong += [f"{name} is not known" for name in state if name not in expected]
    wrong += [
        f"{name} has shape {tuple(state[name].shape)}, not {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    if wrong:
        raise InputError(f"{what} does not fit the network: {'; '.join(wrong)}")
    module.load_state_dict(dict(state))


def _digest(paver: Paver) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(paver.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _from_flax(flax: Mapping[str, Tensor], depth: int) -> dict[str, Tensor]:
    """ViT weights as their authors publish them, under timm's names, without the head.

    Flax keeps the input before the output, and heads apart. A KeyError: an array is missing.
    """
    state = {
        "cls_token": flax["cls"],
        "pos_embed": flax["Transformer/posembed_input/pos_embedding"],
        "patch_embed.proj.weight": flax["embedding/kernel"].permute(3, 2, 0, 1),
        "patch_embed.proj.bias": flax["embedding/bias"],
        "norm.weight": flax["Transformer/encoder_norm/scale"],
        "norm.bias": flax["Transformer/encoder_norm/bias"],
    }
    for number in range(depth):
        ours, block = f"blocks.{number}.", f"Transformer/encoderblock_{number}/"
        attention = f"{block}MultiHeadDotProductAttention_1/"
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


def adjacency_matrix() -> Tensor:
    """Proximity of the patch centres on the sphere, each column of sum 1, ``(392, 392)``.

    Cosine of the angle between two centres less that of a patch's height, nothing below zero and
    nothing for a patch itself. Used in PAVER's training alone.
    """
    elevation, azimuth = _centers()
    cosine = torch.sin(elevation).outer(torch.sin(elevation))
    cosine += torch.cos(elevation).outer(torch.cos(elevation)) * torch.cos(
        azimuth.unsqueeze(0) - azimuth.unsqueeze(1)
    )
    near = (cosine - math.cos(math.pi / ROWS)).clamp(min=0).fill_diagonal_(0)
    return near / near.sum(dim=0, keepdim=True)


def spatial_weight() -> Tensor:
    """Cosine of each patch's elevation, ``(392,)``."""
    return torch.cos(_centers()[0])


def _centers() -> tuple[Tensor, Tensor]:
    row = torch.arange(ROWS, dtype=torch.float64).repeat_interleave(COLUMNS)
    column = torch.arange(COLUMNS, dtype=torch.float64).repeat(ROWS)
    return (2 * row + 1 - ROWS) * math.pi / COLUMNS, (2 * column + 1) * math.pi / COLUMNS


CONSTANTS = {
    "sph_basis": heat_map_basis,
    "adjacency_matrix": adjacency_matrix,
    "spatial_weight": spatial_weight,
}
"""What computes the constants that the released checkpoint carries, by their names in it."""
