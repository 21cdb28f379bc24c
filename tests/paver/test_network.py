"""Parity with the published network: tolerances are those that a wrong variant exceeds."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from vpnet.errors import InputError
from vpnet.paver.network import Paver
from vpnet.paver.sphere_patches import SpherePatches

FEATURE, SCORE, HEAT = 5e-5, 1e-5, 5e-5


def test_tokens_are_those_of_the_published_encoder(golden, golden_tokens):
    expected = {name: values[[0, -1]] for name, values in golden("encoder").items()}
    assert (golden_tokens[:, ::28, ::48] - expected["out_strided"]).abs().max() < FEATURE
    assert (golden_tokens[:, :8, :16] - expected["out_slice"]).abs().max() < FEATURE
    assert (golden_tokens - expected["out_f16"].float()).abs().max() < 5e-3
    assert torch.allclose(golden_tokens.norm(dim=-1), expected["out_token_norm"], atol=1e-3)


def test_scores_are_those_of_the_published_decoder(golden, filled_paver, decoder_tokens):
    expected = golden("decoder")
    scores = filled_paver.decoder(decoder_tokens)
    assert (scores - expected["score"]).abs().max() < SCORE
    maps = filled_paver.heat_map(scores)
    assert (maps[..., ::8, ::8] - expected["heatmap_strided"]).abs().max() < HEAT
    assert (maps - expected["heatmap_f16"].float()).abs().max() < 1e-3


def encoder_epsilon(paver: Paver) -> None:
    for module in paver.encoder.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-5


def decoder_epsilon(paver: Paver) -> None:
    for module in paver.decoder.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-3


def encoder_gelu(paver: Paver) -> None:
    for block in paver.encoder.blocks:
        block.mlp.act = nn.GELU(approximate="tanh")


def decoder_heads(paver: Paver) -> None:
    paver.decoder.attn_layer.attn.heads = 12


def seam_wrapped(paver: Paver) -> None:
    paver.encoder.patch_embed.sphere_patches = SpherePatches("wrap")


def grid_shifted(paver: Paver) -> None:
    patches = paver.encoder.patch_embed.sphere_patches
    patches.pixels = (patches.pixels + 1).clamp(max=224 * 448 - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [encoder_epsilon, encoder_gelu, decoder_heads, decoder_epsilon, seam_wrapped, grid_shifted],
)
def test_a_wrong_variant_exceeds_the_tolerance(
    change: Callable[[Paver], None], filled_paver, golden_frames, golden_tokens
):
    expected = filled_paver.decoder(golden_tokens.unsqueeze(0))
    wrong = copy.deepcopy(filled_paver)
    change(wrong)
    tokens = wrong.encoder(golden_frames)
    scores = wrong.decoder(tokens.unsqueeze(0))
    assert (scores - expected).abs().max() > SCORE
    if "decoder" not in change.__name__:
        assert (tokens - golden_tokens).abs().max() > 10 * FEATURE


def test_the_whole_gives_maps_that_reach_0_and_1(small_paver, golden_frames):
    maps = small_paver(golden_frames[:1].unsqueeze(0))
    assert maps.shape == (1, 1, 224, 448)
    assert maps.amin() == 0
    assert maps.amax() == 1
    tokens = small_paver.encoder(golden_frames[:1])
    alone = small_paver.heat_map(small_paver.decoder(tokens.unsqueeze(0)))
    assert torch.allclose(maps, alone, atol=1e-5)


def test_half_precision_stays_near(small_paver, golden_frames):
    exact = small_paver(golden_frames[:1].unsqueeze(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = small_paver(golden_frames[:1].unsqueeze(0))
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.03


def test_it_exports_to_the_same_numbers(small_paver, golden_frames):
    exported = torch.export.export(small_paver, (golden_frames.unsqueeze(0),)).module()
    with torch.inference_mode():
        expected = small_paver(golden_frames.unsqueeze(0))
        assert torch.equal(exported(golden_frames.unsqueeze(0)), expected)


def test_a_width_that_the_heads_do_not_divide_is_refused():
    with pytest.raises(InputError, match=r"saliency\.width must be a multiple"):
        Paver(width=40, depth=1, heads=3)


@pytest.mark.slow
def test_it_compiles_without_a_break(filled_paver, golden_frames):
    compiled = torch.compile(filled_paver, fullgraph=True)
    with torch.inference_mode():
        expected = filled_paver(golden_frames.unsqueeze(0))
        assert (compiled(golden_frames.unsqueeze(0)) - expected).abs().max() < HEAT
