"""Against numpy's and scipy's own statistics, of pixels repeated as often as they weigh."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from vpnet.geometry.equirectangular import solid_angle_weights
from vpnet.saliency.metrics import KLD_FLOOR, cc, kld, sim

HEIGHT, WIDTH = 6, 12
MAPS = arrays(np.float64, (2, HEIGHT, WIDTH), elements=st.floats(0, 100, width=32))
WEIGHTINGS = ("solid_angle", "uniform")


@pytest.fixture(scope="module")
def pair() -> torch.Tensor:
    return torch.rand(2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_correlation_is_that_of_numpy(pair, weights_of, weighting):
    weights = weights_of(weighting, HEIGHT, WIDTH)
    first, second = (image.flatten().numpy() for image in pair)
    spread = np.cov(first, second, aweights=weights.flatten().numpy())
    expected = spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1])
    assert float(cc(*pair, weights)) == pytest.approx(expected)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_divergence_is_that_of_scipy(pair, weights_of, weighting):
    weights = weights_of(weighting, HEIGHT, WIDTH).numpy()
    given, asked = (image.numpy() * weights for image in pair)
    given = given / given.sum() + KLD_FLOOR * weights
    expected = entropy(asked.flatten(), given.flatten())
    assert float(kld(*pair, torch.from_numpy(weights))) == pytest.approx(expected)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_similarity_is_the_overlap_of_two_histograms(pair, weights_of, weighting):
    weights = weights_of(weighting, HEIGHT, WIDTH).numpy()
    shares = []
    for image in pair.numpy():
        mass = np.interp(image, (image.min(), image.max()), (0, 1)) * weights
        shares.append(mass / mass.sum())
    # The overlap of two distributions is 1 less their total variation.
    expected = 1 - np.abs(shares[0] - shares[1]).sum() / 2
    assert float(sim(*pair, torch.from_numpy(weights))) == pytest.approx(expected)


@given(MAPS)
def test_bounds_and_what_a_map_is_against_itself(maps):
    weights = solid_angle_weights(HEIGHT, WIDTH, torch.float64)
    first, second = torch.from_numpy(maps)
    assert -1 - 1e-9 <= float(cc(first, second, weights)) <= 1 + 1e-9
    assert 0 <= float(sim(first, second, weights)) <= 1 + 1e-9
    assert float(kld(first, second, weights)) >= 0
    assert float(sim(first, first, weights)) == pytest.approx(1)
    assert float(kld(first, first, weights)) == pytest.approx(0, abs=1e-5)
    own = float(cc(first, first, weights))
    assert own == pytest.approx(1) or own == 0.0


@given(MAPS, st.integers(0, WIDTH - 1))
def test_turning_both_around_the_vertical_changes_nothing(maps, columns):
    weights = solid_angle_weights(HEIGHT, WIDTH, torch.float64)
    still, turned = torch.from_numpy(maps), torch.from_numpy(maps).roll(columns, dims=-1)
    for measure in (cc, sim, kld):
        assert float(measure(*turned, weights)) == pytest.approx(
            float(measure(*still, weights)), abs=1e-9
        )


def test_a_map_without_contrast_is_defined(pair, weights_of):
    weights = weights_of("solid_angle", HEIGHT, WIDTH)
    for flat in (torch.zeros(HEIGHT, WIDTH), torch.full((HEIGHT, WIDTH), 7.0)):
        assert float(cc(flat, pair[0], weights)) == 0.0
        assert 0 < float(sim(flat, pair[0], weights)) < 1
        assert 0 < float(kld(flat, pair[0], weights)) < 10


def test_maps_are_measured_one_by_one(pair, weights_of):
    weights = weights_of("solid_angle", HEIGHT, WIDTH)
    for measure in (cc, sim, kld):
        both = measure(pair, pair.flip(0), weights)
        assert both.shape == (2,)
        assert float(both[1]) == pytest.approx(float(measure(pair[1], pair[0], weights)))
