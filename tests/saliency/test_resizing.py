import pytest
import torch

from vpnet.saliency.resizing import resize_maps


@pytest.fixture
def maps():
    return torch.rand(3, 28, 56, generator=torch.Generator().manual_seed(0))


def test_the_seam_is_a_place_like_any_other(maps):
    rolled = resize_maps(maps.roll(8, dims=-1), 14, 28)
    assert torch.allclose(rolled, resize_maps(maps, 14, 28).roll(4, dims=-1), atol=1e-6)


def test_every_pixel_counts(maps):
    """Halving with a filter that covers all pixels keeps the mean of a smooth map."""
    assert torch.allclose(resize_maps(maps, 14, 28).mean((1, 2)), maps.mean((1, 2)), atol=5e-3)


@pytest.mark.parametrize("size", [(28, 56), (120, 240), (7, 15), (13, 27)])
def test_the_size_is_the_one_asked_for_and_values_stay_in_range(maps, size):
    resized = resize_maps(maps, *size)
    assert resized.shape == (3, *size)
    assert resized.min() >= 0
    assert resized.max() <= 1
    assert torch.allclose(resize_maps(torch.full_like(maps, 0.25), *size), torch.tensor(0.25))
