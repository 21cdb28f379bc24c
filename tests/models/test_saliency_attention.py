"""Maps as tokens, and attention in both directions, from their definitions."""

import math

import pytest
import torch
from torch import Tensor, nn

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.geometry.equirectangular import direction_from_pixel, solid_angle_weights
from vpnet.geometry.tangent import tangent_axes
from vpnet.models.saliency_attention import (
    PersonalSaliency,
    SaliencyAttention,
    SaliencyEncoder,
    SaliencyTokens,
    upsample_maps,
)
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


def test_every_part_of_the_map_is_seen_at_its_place(encoder):
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
    """A map with one spot: a state learns the place of the spot relative to the viewport."""
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
    queries = (state.unsqueeze(1) + module.steps).flatten(0, 1).unsqueeze(1)
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
    # A mask for each head of each query.
    mass = tokens.log_mass[index.clamp(min=0)].flatten(0, 1)
    mask = (mass.unsqueeze(1) * module.log_mass_scale.unsqueeze(1)).flatten(0, 1).unsqueeze(1)
    attended = plain(queries, seen, seen, attn_mask=mask)[0][:, 0]
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
    nn.init.normal_(module.log_mass_scale)
    state, center = noise(7, 16), normalize(noise(7, 3))
    tokens = SaliencyTokens(noise(maps, 50, 10), noise(maps, 50), normalize(noise(50, 3)))
    first = torch.tensor([0, -1, maps - 1, 0, maps - 1, -1, 0])
    index = torch.stack((first, first.roll(1)), dim=1)
    found = module(state, tokens, index, center)
    map_of_horizon = index[:, horizons]
    expected = plain_attention(module, state, tokens, map_of_horizon, center)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert torch.equal((found != 0).any(dim=2), map_of_horizon >= 0)
    assert (found[0, 0] != found[0, 1]).any(), "horizons have queries of their own, even of one map"


def test_without_maps_nothing_is_attended():
    module = SaliencyAttention((0, 0, 0, 0), state_width=16, token_width=10)
    index = torch.full((3, 1), -1)
    tokens = SaliencyTokens(torch.zeros(0, 50, 10), torch.zeros(0, 50), torch.randn(50, 3))
    found = module(torch.randn(3, 16), tokens, index, torch.eye(3))
    assert torch.equal(found, torch.zeros(3, 4, 16))


WIDTHS = {"head": 6, "eye": 5, "face": 3}
GRID = (6, 12)
INDEX = torch.tensor([[0, 1], [-1, 2], [2, -1], [1, 1], [2, 0]])
MAP_OF_QUERY = INDEX.flatten().clamp(min=0)
HAS_MAP = INDEX >= 0


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def module(stir) -> PersonalSaliency:
    torch.manual_seed(0)
    module = PersonalSaliency(WIDTHS, state_width=10, token_width=8, heads=2, grid=GRID).double()
    stir(module, 0.5)
    return module


@pytest.fixture
def inputs() -> dict:
    """Five windows of two maps, some without one; some without some of the streams."""
    valid = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0]]).bool()
    return {
        "streams": {name: noise(5, width) for name, width in WIDTHS.items()},
        "streams_valid": dict(zip(WIDTHS, valid.T, strict=True)),
        "tokens": SaliencyTokens(
            noise(3, math.prod(GRID), 8),
            noise(3, math.prod(GRID)),
            normalize(noise(math.prod(GRID), 3)),
        ),
        "saliency_index": INDEX,
        "viewport_center": normalize(noise(5, 3)),
    }


def plain_context(module: PersonalSaliency, inputs: dict) -> tuple[Tensor, Tensor]:
    """The same with torch's own attention, a copy of the tokens per window, and sums written out.

    Returns:
        Values, and shares of the maps' mass, shape ``(batch, moments, tokens)``.
    """
    center = inputs["viewport_center"].repeat_interleave(2, 0)
    tokens = inputs["tokens"]
    relative = tokens.directions @ torch.stack((*tangent_axes(center), center), dim=-1)
    seen = tokens.features[MAP_OF_QUERY] + module.position(relative)
    context = torch.stack(
        [
            inputs["streams"][name].repeat_interleave(2, 0) @ module.streams[name].weight.T
            + modality
            for name, modality in zip(WIDTHS, module.modalities, strict=True)
        ],
        dim=1,
    )
    plain = nn.MultiheadAttention(8, module.heads, batch_first=True).double()
    layers = (module.query, module.key, module.value)
    plain.load_state_dict(
        {
            "in_proj_weight": torch.cat([layer.weight for layer in layers]),
            "in_proj_bias": torch.cat((module.query.bias, torch.zeros(8), module.value.bias)),
            "out_proj.weight": module.output.weight,
            "out_proj.bias": module.output.bias,
        }
    )
    absent = ~torch.stack(list(inputs["streams_valid"].values()), dim=1).repeat_interleave(2, 0)
    seen = module.norm(seen + plain(seen, context, context, key_padding_mask=absent)[0])
    mass = torch.exp(module.log_ratio(seen)[..., 0] + tokens.log_mass[MAP_OF_QUERY])
    shares = mass / mass.sum(dim=1, keepdim=True)
    pooled = (shares.unsqueeze(-1) * torch.cat((seen, relative), dim=-1)).sum(dim=1)
    context = module.pooled(pooled), shares
    return tuple(part.unflatten(0, INDEX.shape) * HAS_MAP.unsqueeze(2) for part in context)


def test_it_is_plain_multi_head_attention(module, inputs):
    values, maps = module(**inputs)
    expected, shares = plain_context(module, inputs)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(maps.flatten(2) * module.solid_angles, shares, rtol=0, atol=1e-10)
    assert torch.equal(values.ne(0).any(dim=2), HAS_MAP)


def test_maps_are_densities(module, inputs):
    maps = module(**inputs).maps
    assert maps.shape == (5, 2, *GRID)
    assert (maps[HAS_MAP] > 0).all()
    mass = (maps * solid_angle_weights(*GRID, torch.float64)).sum(dim=(2, 3))
    torch.testing.assert_close(mass, HAS_MAP.double())


def test_nothing_learned_the_map_is_everybodys(module, inputs):
    nn.init.zeros_(module.log_ratio[0].weight)
    mass = inputs["tokens"].log_mass[0].softmax(dim=0)
    found = module(**inputs).maps[0, 0].flatten() * module.solid_angles
    torch.testing.assert_close(found, mass)


@pytest.mark.parametrize("name", WIDTHS)
def test_a_stream_counts_where_it_is_valid(name, module, inputs):
    before = module(**inputs)
    streams = inputs["streams"] | {name: inputs["streams"][name] + 7.0}
    after = module(**inputs | {"streams": streams})
    valid = inputs["streams_valid"][name].unsqueeze(1) & HAS_MAP
    for found, expected in zip(after, before, strict=True):
        assert torch.equal(found[~valid], expected[~valid])
        assert (found[valid] != expected[valid]).flatten(1).any(dim=1).all()


def test_one_stream_alone_still_makes_the_map_personal(module, inputs):
    """Its weight in the attention is 1 whatever it says."""
    nothing = torch.zeros(5, dtype=torch.bool)
    inputs["streams_valid"] = {name: nothing | (name == "head") for name in WIDTHS}
    one = module(**inputs).maps[0]
    inputs["streams"]["head"] = inputs["streams"]["head"] + 1.0
    other = module(**inputs).maps[0]
    assert (one / other).log().std() > 0.01


def test_without_any_stream_the_map_speaks_alone(module, inputs):
    inputs["streams_valid"] = {name: torch.zeros(5, dtype=torch.bool) for name in WIDTHS}
    before = module(**inputs)
    inputs["streams"] = {name: noise(5, width, seed=9) for name, width in WIDTHS.items()}
    after = module(**inputs)
    assert torch.equal(before.maps, after.maps)
    assert torch.equal(before.values, after.values)
    assert before.maps[0].isfinite().all()
    assert before.maps[0].std() > 0


def test_without_maps_the_context_is_zero(module, inputs):
    features, log_mass, directions = inputs["tokens"]
    inputs["tokens"] = SaliencyTokens(features[:0], log_mass[:0], directions)
    inputs["saliency_index"] = torch.full((5, 2), -1)
    values, maps = module(**inputs)
    assert torch.equal(values, torch.zeros(5, 2, 10).double())
    assert torch.equal(maps, torch.zeros(5, 2, *GRID).double())


@pytest.fixture
def personal_maps(module, inputs) -> Tensor:
    return module(**inputs).maps[:, 0]


@pytest.mark.parametrize("size", [(120, 240), (6, 12), (60, 100)])
def test_larger_maps_are_densities_too(size, personal_maps):
    larger = upsample_maps(personal_maps, *size)
    assert larger.shape == (5, *size)
    assert (larger >= 0).all()
    mass = (larger * solid_angle_weights(*size, torch.float64)).sum(dim=(1, 2))
    torch.testing.assert_close(mass, HAS_MAP[:, 0].double())


def test_a_map_of_the_same_size_stays_as_it_is(personal_maps):
    torch.testing.assert_close(upsample_maps(personal_maps, *GRID), personal_maps)


@pytest.mark.parametrize("columns", [1, 5, 11])
def test_the_seam_of_larger_maps_is_no_edge(columns, personal_maps):
    turned = upsample_maps(personal_maps.roll(columns, dims=-1))
    torch.testing.assert_close(turned, upsample_maps(personal_maps).roll(20 * columns, dims=-1))


def test_larger_maps_show_the_same_place():
    small = torch.zeros(1, 14, 28)
    small[0, 4, 0] = 1.0
    larger = upsample_maps(small)[0]
    row, column = divmod(int(larger.argmax()), 240)
    there = direction_from_pixel(torch.tensor(4.0), torch.tensor(0.0), 14, 28)
    found = direction_from_pixel(torch.tensor(row), torch.tensor(column), 120, 240)
    assert torch.rad2deg(great_circle_distance(there, found)) < 1.5
