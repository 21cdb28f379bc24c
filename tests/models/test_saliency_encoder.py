import math

import pytest
import torch
from torch import Tensor, nn

from vpnet.geometry.directions import normalize
from vpnet.geometry.equirectangular import direction_from_pixel, solid_angle_weights
from vpnet.geometry.tangent import tangent_axes
from vpnet.models.saliency_encoder import SaliencyAttention, SaliencyEncoder, SaliencyTokens
from vpnet.saliency.maps import normalize_maps


@pytest.fixture
def maps() -> Tensor:
    return 3 * torch.rand(2, 120, 240, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def encoder(stir) -> SaliencyEncoder:
    module = SaliencyEncoder(width=8, grid=(14, 28)).eval()
    stir(module)
    return module


def test_tokens_lie_on_a_grid_of_directions(encoder, maps):
    assert encoder(maps).features.shape == (2, 14 * 28, 8)
    assert encoder(maps).directions.shape == (14 * 28, 3)
    expected = direction_from_pixel(torch.tensor(2.0), torch.tensor(5.0), 14, 28)
    torch.testing.assert_close(encoder(maps).directions[2 * 28 + 5], expected)


@pytest.mark.parametrize("size", [(24, 48), (60, 120), (224, 448), (14, 28)])
def test_any_size_of_map_gives_the_same_grid(encoder, size):
    assert encoder(torch.rand(3, *size)).features.shape == (3, 14 * 28, 8)


def test_no_maps_give_no_tokens(encoder):
    assert encoder(torch.zeros(0, 24, 48)).features.shape == (0, 14 * 28, 8)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_quarter_turn_of_the_map_turns_the_tokens_exactly(encoder, maps, quarter):
    """60 columns are 15 after the strides, and 7 of the 28 tokens."""
    tokens = encoder(maps).features.unflatten(1, (14, 28))
    turned = encoder(maps.roll(60 * quarter, dims=-1)).features.unflatten(1, (14, 28))
    torch.testing.assert_close(turned, tokens.roll(7 * quarter, dims=2), rtol=1e-4, atol=1e-5)


def test_the_seam_is_no_edge(encoder):
    """A spot on the seam, half in the first and half in the last columns, is one like another."""
    spot = torch.zeros(1, 120, 240)
    spot[:, 50:70, 110:130] = 5.0
    inner = encoder(spot).features.unflatten(1, (14, 28))
    seam = encoder(spot.roll(120, dims=-1)).features.unflatten(1, (14, 28))
    torch.testing.assert_close(seam.roll(14, dims=2), inner, rtol=1e-4, atol=1e-5)


def test_every_part_of_the_map_is_seen_where_it_lies(encoder):
    blank = encoder(torch.zeros(1, 120, 240)).features[0]
    for row, column in ((3, 2), (60, 100), (117, 237)):
        spot = torch.zeros(1, 120, 240)
        spot[0, row, column] = 100.0
        touched = (encoder(spot).features[0] - blank).abs().sum(-1).argmax()
        seen = encoder.directions[touched]
        there = direction_from_pixel(torch.tensor(row), torch.tensor(column), 120, 240)
        assert math.degrees(torch.acos((seen * there).sum().clamp(max=1))) < 15


@pytest.mark.parametrize("size", [(14, 28), (40, 80)])
def test_the_mass_of_the_tokens_is_that_of_the_map(size):
    maps = normalize_maps(torch.rand(2, *size, generator=torch.Generator().manual_seed(1)) + 0.5)
    mass = SaliencyEncoder()(maps).log_mass.exp()
    torch.testing.assert_close(mass.sum(dim=1), torch.ones(2), rtol=0.01, atol=0)
    upper = (maps * solid_angle_weights(*size))[:, : size[0] // 2].sum(dim=(1, 2))
    torch.testing.assert_close(mass[:, : 7 * 28].sum(dim=1), upper, rtol=0.01, atol=0)


def test_nothing_learned_a_head_looks_where_the_map_does():
    """A map with one spot: whoever asks learns where the spot lies, seen from the viewport."""
    torch.manual_seed(0)
    encoder, attention = SaliencyEncoder(), SaliencyAttention((0,))
    with torch.no_grad():
        attention.query.weight.zero_()
        attention.steps.zero_()
    spot = torch.zeros(1, 56, 112)
    spot[0, 20:24, 40:44] = 1.0
    tokens = encoder(normalize_maps(spot))
    weights = torch.softmax(tokens.log_mass[0], dim=0)
    there = direction_from_pixel(torch.tensor(21.5), torch.tensor(41.5), 56, 112)
    assert weights @ (tokens.directions @ there) > 0.9
    center = torch.tensor([[0.0, 0.0, 1.0]])
    relative = tokens.directions @ torch.stack((*tangent_axes(center), center), dim=-1)[0]
    seen = weights @ (tokens.features[0] + attention.position(relative))
    expected = attention.output(attention.value(seen))
    index = torch.zeros(1, 1, dtype=torch.long)
    found = attention(torch.zeros(1, 256), tokens, index, center)
    torch.testing.assert_close(found[0, 0], expected, rtol=1e-3, atol=1e-4)


def plain_attention(
    module: SaliencyAttention,
    state: Tensor,
    tokens: SaliencyTokens,
    index: Tensor,
    center: Tensor,
) -> Tensor:
    """torch's own attention over tokens plus position, a copy of the tokens per window and horizon.

    ``index`` has a column for each horizon.
    """
    east, north = tangent_axes(center)
    relative = tokens.directions @ torch.stack((east, north, center), dim=-1)
    seen = tokens.features[index.clamp(min=0)] + module.position(relative).unsqueeze(1)
    asking = (state.unsqueeze(1) + module.steps).flatten(0, 1).unsqueeze(1)
    seen = seen.flatten(0, 1)
    state_width, token_width = module.key.weight.shape
    plain = nn.MultiheadAttention(
        state_width, module.heads, kdim=token_width, vdim=token_width, batch_first=True
    ).double()
    layers = (module.query, module.key, module.value)
    plain.load_state_dict(
        {
            **{
                f"{name}_proj_weight": layer.weight
                for name, layer in zip("qkv", layers, strict=True)
            },
            "in_proj_bias": torch.cat([layer.bias for layer in layers]),
            "out_proj.weight": module.output.weight,
            "out_proj.bias": module.output.bias,
        }
    )
    # A mask for each head of each one who asks.
    mass = tokens.log_mass[index.clamp(min=0)].flatten(0, 1)
    mask = (mass.unsqueeze(1) * module.trust.unsqueeze(1)).flatten(0, 1).unsqueeze(1)
    attended = plain(asking, seen, seen, attn_mask=mask)[0][:, 0]
    return attended.unflatten(0, index.shape) * (index >= 0).unsqueeze(2)


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("maps", [1, 3])
def test_attention_is_plain_multi_head_attention(maps, heads):
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    torch.manual_seed(0)
    horizons = (0, 0, 1)
    module = SaliencyAttention(horizons, state_width=16, token_width=10, heads=heads).double()
    nn.init.normal_(module.trust)
    state, center = noise(7, 16), normalize(noise(7, 3))
    tokens = SaliencyTokens(noise(maps, 50, 10), noise(maps, 50), normalize(noise(50, 3)))
    first = torch.tensor([0, -1, maps - 1, 0, maps - 1, -1, 0])
    index = torch.stack((first, first.roll(1)), dim=1)
    found = module(state, tokens, index, center)
    asked = index[:, horizons]
    expected = plain_attention(module, state, tokens, asked, center)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert torch.equal((found != 0).any(dim=2), asked >= 0)
    assert (found[0, 0] != found[0, 1]).any(), "horizons ask differently, even of one map"


def test_without_maps_nothing_is_attended():
    module = SaliencyAttention((0, 0, 0, 0), state_width=16, token_width=10)
    index = torch.full((3, 1), -1)
    tokens = SaliencyTokens(torch.zeros(0, 50, 10), torch.zeros(0, 50), torch.randn(50, 3))
    found = module(torch.randn(3, 16), tokens, index, torch.eye(3))
    assert torch.equal(found, torch.zeros(3, 4, 16))
