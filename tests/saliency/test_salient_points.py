import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.geometry.equirectangular import pixel_directions
from vpnet.saliency.salient_points import map_points, point_features, salient_points


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([1, 4, 8]), st.booleans())
def test_points_are_those_of_a_plain_sort(seed, points, coarse):
    random = np.random.default_rng(seed)
    salience = random.random((12, 24)).astype(np.float32)
    if coarse:
        salience = np.round(salience * 4) / 4  # many pixels of one value
    flat = salience.ravel()
    order = sorted(range(flat.size), key=lambda pixel: (-flat[pixel], pixel))[: 64 : 64 // points]
    found = salient_points(torch.from_numpy(salience), points, 64)
    assert found.pixels.tolist() == order
    assert found.values.tolist() == flat[order].tolist()


def test_small_pixels_count_less_where_the_solid_angle_does():
    salience = torch.ones(1, 12, 24)
    salience[0, 0] = 1.5
    assert (salient_points(salience, 4, 16).pixels < 24).all()
    weighted = salient_points(salience, 4, 16, weighting="solid_angle")
    assert (weighted.pixels // 24).unique().tolist() == [5]
    assert weighted.values[0, 0] == 1


def test_features_are_directions_and_values():
    found = salient_points(torch.rand(2, 224, 448, generator=torch.Generator().manual_seed(0)))
    features = point_features(*found, 224, 448)
    assert features.shape == (2, 128, 4)
    assert torch.equal(features[..., 3], found.values)
    expected = pixel_directions(224, 448).reshape(-1, 3)[found.pixels]
    assert torch.allclose(features[..., :3], expected, atol=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"points": 500}, {"points": 7}, {"most_salient": 10**6}, {"weighting": "area"}]
)
def test_other_settings_are_refused(wrong):
    with pytest.raises(InputError):
        salient_points(torch.rand(12, 24), **({"points": 4, "most_salient": 64} | wrong))


@pytest.mark.parametrize(("height", "every"), [(224, 160), (120, 46), (40, 5)])
def test_points_of_smaller_maps_are_among_the_same_share(height, every):
    maps = torch.rand(2, height, 2 * height, generator=torch.Generator().manual_seed(0))
    points = map_points(maps)
    assert points.shape == (2, 128, 4)
    expected = salient_points(maps / maps.amax((-2, -1), keepdim=True), 128, 128 * every)
    assert torch.equal(points[..., 3], expected.values)
    assert (points[:, 0, 3] == 1).all(), "the most salient point has the value 1"
    assert map_points(maps[:0]).shape == (0, 128, 4)


def test_a_map_of_zeros_has_points_of_no_value():
    assert (map_points(torch.zeros(1, 40, 80))[..., 3] == 0).all()
