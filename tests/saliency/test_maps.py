import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.geometry.equirectangular import solid_angle_weights
from vpnet.saliency.maps import normalize_maps


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 20),
    scale=st.floats(1e-6, 1e6),
    seed=st.integers(0, 99),
)
def test_the_sum_under_solid_angle_weights_is_one(height, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    maps = scale * torch.rand(3, height, 2 * height, generator=generator)
    normalized = normalize_maps(maps)
    sums = (normalized * solid_angle_weights(height, 2 * height)).sum(dim=(1, 2))
    torch.testing.assert_close(sums, torch.ones(3))
    ratio = normalized / maps
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio), msg="only scaled")


def test_a_map_of_zeros_becomes_the_uniform_map():
    maps = torch.stack((torch.zeros(4, 8), torch.full((4, 8), 5.0)))
    assert torch.allclose(normalize_maps(maps), torch.ones(2, 4, 8))


def test_a_single_pixel_keeps_its_solid_angle():
    maps = torch.zeros(4, 8)
    maps[0, 3] = 2.0
    assert normalize_maps(maps)[0, 3] == pytest.approx(1 / float(solid_angle_weights(4, 8)[0, 3]))


def test_no_maps_stay_no_maps():
    assert normalize_maps(torch.zeros(0, 4, 8)).shape == (0, 4, 8)
