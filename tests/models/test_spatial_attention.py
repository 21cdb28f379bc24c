"""Each step by itself, however many windows share its map."""

import pytest
import torch
from torch.nn.functional import linear

from vpnet.geometry.directions import normalize
from vpnet.models.spatial_attention import SpatialAttention

WIDTH = 16


@pytest.fixture
def attention(stir) -> SpatialAttention:
    torch.manual_seed(0)
    module = SpatialAttention(True, WIDTH, heads=4).double().eval()
    stir(module, 0.2)
    return module


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Path (5, 7, 3), points of three maps (3, 9, 4), and which map stands at each step."""
    generator = torch.Generator().manual_seed(0)
    path = normalize(torch.randn(5, 7, 3, generator=generator).double())
    points = torch.randn(3, 9, 4, generator=generator).double()
    return path, points, torch.randint(-1, 3, (5, 7), generator=generator)


def test_the_points_ask_each_other_and_the_viewpoint_asks_what_came_of_them(attention, scene):
    """The layers in the paper's order, a step of a window at a time."""
    path, points, steps = scene
    found = attention(path, points, steps)
    for window, step in (steps >= 0).nonzero().tolist():
        encoded = linear(points[steps[window, step]], attention.point.weight, attention.point.bias)
        encoded = encoded.unsqueeze(0)
        for block in attention.encoder:
            encoded = block(encoded, encoded)
        token = torch.cat((path[window, step], attention.viewpoint_mark)).reshape(1, 1, 4)
        asking = linear(token, attention.viewpoint.weight, attention.viewpoint.bias)
        for block in attention.decoder:
            asking = block(asking, encoded)
        torch.testing.assert_close(found.viewpoint[window, step], asking[0, 0])
        torch.testing.assert_close(found.saliency[window, step], encoded[0].mean(dim=0))


def test_sharing_maps_gives_the_numbers_of_encoding_each_step_by_itself(attention, scene):
    path, points, steps = scene
    shared = attention(path, points, steps)
    for window in range(5):
        for step in range(7):
            number = int(steps[window, step])
            alone = attention(
                path[window : window + 1, step : step + 1],
                points[number : number + 1] if number >= 0 else points[:0],
                torch.tensor([[min(number, 0)]]),
            )
            for found, expected in zip(shared, alone, strict=True):
                torch.testing.assert_close(found[window, step], expected[0, 0], atol=1e-10, rtol=0)


def test_each_distinct_map_is_encoded_once(attention, scene):
    path, points, steps = scene
    encoded = []
    attention.encoder[0].register_forward_pre_hook(lambda _, given: encoded.append(len(given[0])))
    attention(path, points, steps)
    assert encoded == [3], "of 35 steps"


def test_no_step_knows_of_another(attention, scene):
    path, points, steps = scene
    before = attention(path, points, steps)
    path = path.clone()
    path[2, 3] = -path[2, 3]
    after = attention(path, points, steps)
    moved = (after.viewpoint != before.viewpoint).any(dim=-1)
    assert moved[2, 3]
    assert moved.sum() == 1
    assert torch.equal(after.saliency, before.saliency)


def test_the_order_of_the_points_does_not_matter(attention, scene):
    path, points, steps = scene
    expected = attention(path, points, steps)
    found = attention(path, points.flip(1), steps)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_a_map_that_nobody_looks_at_does_not_matter(attention, scene):
    path, points, steps = scene
    expected = attention(path, points, steps)
    more = torch.cat((points, 9 * torch.ones_like(points[:2])))
    for one, other in zip(attention(path, more, steps), expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_parameters_are_those_of_the_layers():
    width, extra = 256, 3
    block = 6 * width + 4 * (width * width + width) + 2 * (width * width + width)
    viewpoint, mark = (4 + extra) * width + width, 1
    points = 4 * width + width + 2 * block + width

    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(SpatialAttention(True, width, extra)) == viewpoint + mark + 2 * block + points
    blind = SpatialAttention(False, width)
    assert count(blind) == 4 * width + width + 1 + 2 * block
