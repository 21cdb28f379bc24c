import math

import pytest
import torch
from torch import Tensor, nn

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.geometry.equirectangular import direction_from_pixel, solid_angle_weights
from vpnet.geometry.tangent import tangent_axes
from vpnet.models.personal_saliency import PersonalSaliency, upsample_maps
from vpnet.models.saliency_encoder import SaliencyTokens

WIDTHS = {"head": 6, "eye": 5, "face": 3}
GRID = (6, 12)
INDEX = torch.tensor([[0, 1], [-1, 2], [2, -1], [1, 1], [2, 0]])
ASKED = INDEX.flatten().clamp(min=0)
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
def question() -> dict:
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


def plain_answer(module: PersonalSaliency, question: dict) -> tuple[Tensor, Tensor]:
    """The same with torch's own attention, a copy of the tokens per window, and sums written out.

    Returns:
        Values, and shares of the maps' mass, shape ``(batch, moments, tokens)``.
    """
    center = question["viewport_center"].repeat_interleave(2, 0)
    tokens = question["tokens"]
    relative = tokens.directions @ torch.stack((*tangent_axes(center), center), dim=-1)
    seen = tokens.features[ASKED] + module.position(relative)
    asked = torch.stack(
        [
            question["streams"][name].repeat_interleave(2, 0) @ module.streams[name].weight.T
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
    absent = ~torch.stack(list(question["streams_valid"].values()), dim=1).repeat_interleave(2, 0)
    seen = module.norm(seen + plain(seen, asked, asked, key_padding_mask=absent)[0])
    mass = torch.exp(module.log_ratio(seen)[..., 0] + tokens.log_mass[ASKED])
    shares = mass / mass.sum(dim=1, keepdim=True)
    pooled = (shares.unsqueeze(-1) * torch.cat((seen, relative), dim=-1)).sum(dim=1)
    answer = module.pooled(pooled), shares
    return tuple(part.unflatten(0, INDEX.shape) * HAS_MAP.unsqueeze(2) for part in answer)


def test_it_is_plain_multi_head_attention(module, question):
    values, maps = module(**question)
    expected, shares = plain_answer(module, question)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(maps.flatten(2) * module.solid_angles, shares, rtol=0, atol=1e-10)
    assert torch.equal(values.ne(0).any(dim=2), HAS_MAP)


def test_maps_are_densities(module, question):
    maps = module(**question).maps
    assert maps.shape == (5, 2, *GRID)
    assert (maps[HAS_MAP] > 0).all()
    mass = (maps * solid_angle_weights(*GRID, torch.float64)).sum(dim=(2, 3))
    torch.testing.assert_close(mass, HAS_MAP.double())


def test_nothing_learned_the_map_is_everybodys(module, question):
    nn.init.zeros_(module.log_ratio[0].weight)
    mass = question["tokens"].log_mass[0].softmax(dim=0)
    found = module(**question).maps[0, 0].flatten() * module.solid_angles
    torch.testing.assert_close(found, mass)


@pytest.mark.parametrize("name", WIDTHS)
def test_a_stream_counts_where_it_is_valid(name, module, question):
    before = module(**question)
    streams = question["streams"] | {name: question["streams"][name] + 7.0}
    after = module(**question | {"streams": streams})
    valid = question["streams_valid"][name].unsqueeze(1) & HAS_MAP
    for found, expected in zip(after, before, strict=True):
        assert torch.equal(found[~valid], expected[~valid])
        assert (found[valid] != expected[valid]).flatten(1).any(dim=1).all()


def test_one_stream_alone_still_makes_the_map_personal(module, question):
    """Its weight in the attention is 1 whatever it says."""
    nobody = torch.zeros(5, dtype=torch.bool)
    question["streams_valid"] = {name: nobody | (name == "head") for name in WIDTHS}
    one = module(**question).maps[0]
    question["streams"]["head"] = question["streams"]["head"] + 1.0
    other = module(**question).maps[0]
    assert (one / other).log().std() > 0.01


def test_without_any_stream_the_map_speaks_alone(module, question):
    question["streams_valid"] = {name: torch.zeros(5, dtype=torch.bool) for name in WIDTHS}
    before = module(**question)
    question["streams"] = {name: noise(5, width, seed=9) for name, width in WIDTHS.items()}
    after = module(**question)
    assert torch.equal(before.maps, after.maps)
    assert torch.equal(before.values, after.values)
    assert before.maps[0].isfinite().all()
    assert before.maps[0].std() > 0


def test_without_maps_there_is_no_answer(module, question):
    features, log_mass, directions = question["tokens"]
    question["tokens"] = SaliencyTokens(features[:0], log_mass[:0], directions)
    question["saliency_index"] = torch.full((5, 2), -1)
    values, maps = module(**question)
    assert torch.equal(values, torch.zeros(5, 2, 10).double())
    assert torch.equal(maps, torch.zeros(5, 2, *GRID).double())


@pytest.fixture
def maps(module, question) -> Tensor:
    return module(**question).maps[:, 0]


@pytest.mark.parametrize("size", [(120, 240), (6, 12), (60, 100)])
def test_larger_maps_are_densities_too(size, maps):
    larger = upsample_maps(maps, *size)
    assert larger.shape == (5, *size)
    assert (larger >= 0).all()
    mass = (larger * solid_angle_weights(*size, torch.float64)).sum(dim=(1, 2))
    torch.testing.assert_close(mass, HAS_MAP[:, 0].double())


def test_a_map_of_the_same_size_stays_as_it_is(maps):
    torch.testing.assert_close(upsample_maps(maps, *GRID), maps)


@pytest.mark.parametrize("columns", [1, 5, 11])
def test_the_seam_of_larger_maps_is_no_edge(columns, maps):
    turned = upsample_maps(maps.roll(columns, dims=-1))
    torch.testing.assert_close(turned, upsample_maps(maps).roll(20 * columns, dims=-1))


def test_larger_maps_show_the_same_place():
    small = torch.zeros(1, 14, 28)
    small[0, 4, 0] = 1.0
    larger = upsample_maps(small)[0]
    row, column = divmod(int(larger.argmax()), 240)
    there = direction_from_pixel(torch.tensor(4.0), torch.tensor(0.0), 14, 28)
    found = direction_from_pixel(torch.tensor(row), torch.tensor(column), 120, 240)
    assert torch.rad2deg(great_circle_distance(there, found)) < 1.5
