import os
import re
from pathlib import Path, PosixPath

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vpnet.errors import InputError
from vpnet.paver.network import Paver
from vpnet.paver.weights import CONSTANTS, adjacency_matrix, load_weights, spatial_weight


@pytest.fixture(scope="module")
def empty_paver(small_encoder) -> Paver:
    return Paver(**small_encoder)


@pytest.fixture
def decoder_state(small_paver) -> dict[str, torch.Tensor]:
    return dict(small_paver.decoder.state_dict())


@pytest.fixture(scope="module")
def encoder_file(small_paver, tmp_path_factory) -> Path:
    """As timm's hub gives it, its classification head included."""
    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    head = {"head.weight": torch.zeros(1000, 32), "head.bias": torch.zeros(1000)}
    save_file({**small_paver.encoder.state_dict(), **head}, file)
    return file


def test_the_default_size_is_that_of_the_released_weights():
    with torch.device("meta"):
        state = Paver().state_dict()
    assert state["decoder.attn_layer.attn.qkv.weight"].shape == (2304, 768)
    assert state["decoder.cls_encoder.fc1.weight"].shape == (768, 768)
    assert state["encoder.pos_embed"].shape == (1, 197, 768)
    assert state["encoder.blocks.11.mlp.fc1.weight"].shape == (3072, 768)
    assert "encoder.blocks.12.norm1.weight" not in state


def same(paver: Paver, other: Paver) -> bool:
    expected = other.state_dict()
    return all(torch.equal(value, expected[name]) for name, value in paver.state_dict().items())


def test_the_released_layout_loads(empty_paver, small_paver, decoder_state, encoder_file, tmp_path):
    """A dict with the model, its three constants, and a configuration that holds paths."""
    constants = {name: make() for name, make in CONSTANTS.items()}
    content = {
        "args": {"cache_path": PosixPath("cache")},
        "epoch": 4,
        "loss": 0,
        "model": decoder_state | constants,
    }
    torch.save(content, tmp_path / "paver_ckpt.pt")
    first = load_weights(empty_paver, tmp_path / "paver_ckpt.pt", encoder_file)
    assert same(empty_paver, small_paver)
    torch.save(decoder_state, tmp_path / "bare.pt")
    assert load_weights(empty_paver, tmp_path / "bare.pt", encoder_file) == first
    assert re.fullmatch("[0-9a-f]{16}", first)


def test_flax_weights_are_timm_s(empty_paver, small_paver, decoder_state, tmp_path):
    ours = {name: value.numpy() for name, value in small_paver.encoder.state_dict().items()}
    flax = {
        "cls": ours["cls_token"],
        "Transformer/posembed_input/pos_embedding": ours["pos_embed"],
        "embedding/kernel": ours["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": ours["patch_embed.proj.bias"],
        "Transformer/encoder_norm/scale": ours["norm.weight"],
        "Transformer/encoder_norm/bias": ours["norm.bias"],
        "head/kernel": np.zeros((32, 1000), np.float32),
    }
    for number in range(1):
        theirs, name = f"Transformer/encoderblock_{number}/", f"blocks.{number}."
        attention = f"{theirs}MultiHeadDotProductAttention_1/"
        weights = ours[f"{name}attn.qkv.weight"].reshape(3, 2, 16, 32)
        biases = ours[f"{name}attn.qkv.bias"].reshape(3, 2, 16)
        for part, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
            flax[f"{attention}{part}/kernel"] = weight.transpose(2, 0, 1)
            flax[f"{attention}{part}/bias"] = bias
        out = ours[f"{name}attn.proj.weight"].T.reshape(2, 16, 32)
        flax |= {
            f"{attention}out/kernel": out,
            f"{attention}out/bias": ours[f"{name}attn.proj.bias"],
        }
        for norm, layer in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            flax[f"{theirs}{layer}/scale"] = ours[f"{name}{norm}.weight"]
            flax[f"{theirs}{layer}/bias"] = ours[f"{name}{norm}.bias"]
        for dense, layer in (("fc1", "Dense_0"), ("fc2", "Dense_1")):
            flax[f"{theirs}MlpBlock_3/{layer}/kernel"] = ours[f"{name}mlp.{dense}.weight"].T
            flax[f"{theirs}MlpBlock_3/{layer}/bias"] = ours[f"{name}mlp.{dense}.bias"]
    np.savez(tmp_path / "imgn.npz", **flax)
    torch.save(decoder_state, tmp_path / "paver.pt")
    load_weights(empty_paver, tmp_path / "paver.pt", tmp_path / "imgn.npz")
    assert same(empty_paver, small_paver)


def without(name):
    return lambda state: state.pop(name)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("attn_layer.attn.qkv.weight"), "attn_layer.attn.qkv.weight is missing"),
        (lambda state: state.update(extra=torch.ones(1)), "extra is not known"),
        (
            lambda state: state.update({"cls_encoder.fc1.bias": torch.ones(7)}),
            r"cls_encoder.fc1.bias has shape \(7,\), not \(32,\)",
        ),
        (
            lambda state: state.update(spatial_weight=torch.ones(392)),
            "spatial_weight is not that of the published PAVER",
        ),
        (lambda state: state.update(sph_basis=torch.ones(3)), r"here \(3,\)"),
        (lambda state: state.update(model=3), "must hold tensors by name"),
    ],
)
def test_what_does_not_fit_is_named(empty_paver, decoder_state, tmp_path, damage, message):
    damage(decoder_state)
    torch.save(decoder_state, tmp_path / "paver.pt")
    with pytest.raises(InputError, match=message):
        load_weights(empty_paver, tmp_path / "paver.pt")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("was_here",)


def test_a_checkpoint_never_runs_code(empty_paver, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Evil()}, "evil.pt")
    with pytest.raises(InputError, match="could run code"):
        load_weights(empty_paver, "evil.pt")
    assert not Path("was_here").exists()


@pytest.mark.parametrize("name", ["paver.pt", "paver.safetensors"])
def test_a_damaged_file_is_refused(empty_paver, tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04" + bytes(1000))
    with pytest.raises(InputError, match=r"download it again|could run code"):
        load_weights(empty_paver, tmp_path / name)


def test_without_weights_the_way_to_them_is_said(empty_paver, tmp_path):
    with pytest.raises(InputError, match="github.com/HS-YN/PAVER"):
        load_weights(empty_paver, None)
    with pytest.raises(InputError, match="no such file"):
        load_weights(empty_paver, tmp_path / "nowhere.pt")


def test_a_damaged_encoder_is_refused(empty_paver, decoder_state, tmp_path):
    torch.save(decoder_state, tmp_path / "paver.pt")
    np.savez(tmp_path / "other.npz", cls=np.zeros(3))
    for content in ("other.npz", "paver.pt"):
        with pytest.raises(InputError, match="saliency.encoder"):
            load_weights(empty_paver, tmp_path / "paver.pt", tmp_path / content)


def test_random_weights_are_called_so_and_are_the_same_again(empty_paver, small_encoder):
    first = load_weights(empty_paver, None, random_weights=True)
    assert first.startswith("random-")
    assert load_weights(Paver(**small_encoder), None, random_weights=True) == first

    with pytest.raises(InputError, match="random_weights"):
        load_weights(empty_paver, "paver.pt", random_weights=True)


def test_the_constants_are_the_published_ones(golden):
    expected = golden("constants")
    assert (spatial_weight() - expected["spatial_weight_f64"]).abs().max() < 1e-12
    rows = adjacency_matrix()[expected["adjacency_row_index"]]
    assert (rows - expected["adjacency_rows"]).abs().max() < 1e-6
