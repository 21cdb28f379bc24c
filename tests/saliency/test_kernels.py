import math

import pytest
import torch

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.saliency.kernels import SphereKernel


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
