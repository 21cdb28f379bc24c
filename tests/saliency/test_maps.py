import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.saliency.maps import SphereKernel, normalize_maps, resize_maps


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


@pytest.mark.parametrize("elevation_deg", [0.0, 40.0, -80.0])
def test_a_kernel_is_a_normal_distribution_around_its_direction(directions_at, elevation_deg):
    """On a small patch: exp(-angle^2 / (2 sigma^2))."""
    at = directions_at([50.0], elevation_deg).float()
    density = SphereKernel(6.0, 90).around(at, torch.tensor([True]))[0]
    angle_deg = torch.rad2deg(great_circle_distance(pixel_directions(90, 180).reshape(-1, 3), at))
    near = angle_deg < 12
    expected = torch.exp(-(angle_deg[near] ** 2) / (2 * 6.0**2))
    torch.testing.assert_close(density[near], expected, rtol=0.02, atol=0.002)


def test_it_has_the_same_mass_wherever_it_lies():
    directions = normalize(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)))
    kernels = SphereKernel(8.0, 60).around(directions, torch.ones(20, dtype=torch.bool))
    mass = kernels @ solid_angle_weights(60, 120).reshape(-1)
    expected = math.radians(8.0) ** 2 / 2  # 2 pi sigma^2 of 4 pi
    torch.testing.assert_close(mass, torch.full((20,), expected), rtol=0.02, atol=0)


def test_where_nobody_looks_there_is_next_to_nothing():
    kernel = SphereKernel(8.0, 20)
    assert kernel.pixels == 20 * 40
    directions = torch.eye(3).expand(2, 3, 3)
    looking = torch.tensor([[True, False, True], [False, False, False]])
    kernels = kernel.around(directions, looking)
    assert kernels.shape == (2, 3, 800)
    assert (kernels[~looking] < 1e-20).all()
    assert (kernels[looking].amax(dim=-1) > 0.5).all()
