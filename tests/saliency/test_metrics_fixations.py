"""Against scikit-learn's ROC curves and plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_auc_score, roc_curve

from vpnet.saliency.metrics import auc_borji, auc_judd, nss

HEIGHT, WIDTH = 12, 24
PIXELS = HEIGHT * WIDTH
WEIGHTINGS = ("solid_angle", "uniform")


@pytest.fixture(scope="module")
def saliency() -> torch.Tensor:
    """Rounded, so that values tie."""
    random = torch.rand(PIXELS, generator=torch.Generator().manual_seed(0))
    return (random * 40).round() / 40


@pytest.fixture(scope="module")
def fixated(saliency) -> torch.Tensor:
    """Places that are salient more often than not, some of them twice."""
    generator = torch.Generator().manual_seed(1)
    return torch.multinomial(saliency**2, 25, replacement=True, generator=generator)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_nss_is_the_mean_of_a_z_score(saliency, fixated, weights_of, weighting):
    weights = weights_of(weighting, HEIGHT, WIDTH).flatten()
    values, shares = saliency.double().numpy(), weights.numpy()
    mean = np.average(values, weights=shares)
    deviation = np.sqrt(np.cov(values, aweights=shares, ddof=0))
    expected = np.mean([(values[at] - mean) / deviation for at in fixated.tolist()])
    assert nss(saliency, fixated, weights) == pytest.approx(expected)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_auc_judd_is_that_of_scikit_learn(saliency, fixated, weights_of, weighting):
    weights = weights_of(weighting, HEIGHT, WIDTH).flatten()
    others = np.setdiff1d(np.arange(PIXELS), fixated.numpy())
    values = np.concatenate((saliency[fixated].numpy(), saliency.numpy()[others]))
    is_fixated = np.concatenate((np.ones(len(fixated)), np.zeros(len(others))))
    counts = np.concatenate((np.ones(len(fixated)), weights.numpy()[others]))
    alarmed, found, thresholds = roc_curve(
        is_fixated, values, sample_weight=counts, drop_intermediate=False
    )
    at_fixations = np.isin(thresholds, saliency[fixated].numpy())
    expected = auc(np.r_[0, alarmed[at_fixations], 1], np.r_[0, found[at_fixations], 1])
    measured = auc_judd(saliency, fixated, weights)
    assert measured == pytest.approx(expected)
    every_threshold = roc_auc_score(is_fixated, values, sample_weight=counts)
    assert measured == pytest.approx(every_threshold, abs=1 / len(fixated))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_auc_borji_is_that_of_a_plain_loop(saliency, fixated, weights_of, weighting):
    weights = weights_of(weighting, HEIGHT, WIDTH).flatten()
    measured = auc_borji(saliency, fixated, weights, torch.Generator().manual_seed(0), 2000)
    random = np.random.default_rng(0)
    values = saliency.numpy().astype(float)
    values = (values - values.min()) / (values.max() - values.min())
    areas = []
    for _ in range(2000):
        drawn = values[random.choice(PIXELS, len(fixated), p=weights.numpy())]
        hits = values[fixated.numpy()]
        curve = [(0.0, 0.0)]
        for tenth in range(int(np.floor(max(hits.max(), drawn.max()) * 10 + 1e-6)), -1, -1):
            curve.append((np.mean(drawn >= tenth / 10), np.mean(hits >= tenth / 10)))
        areas.append(auc(*zip(*curve, (1.0, 1.0), strict=True)))
    assert measured == pytest.approx(np.mean(areas), abs=4 * np.std(areas) / np.sqrt(1000))


def test_auc_borji_repeats_itself(saliency, fixated, weights_of):
    weights = weights_of("solid_angle", HEIGHT, WIDTH).flatten()
    first, second = (
        auc_borji(saliency, fixated, weights, torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert first == second


@settings(max_examples=30)
@given(st.lists(st.integers(0, PIXELS - 1), min_size=1, max_size=30), st.floats(0.2, 5))
def test_auc_judd_sees_the_order_only(saliency, weights_of, fixated, power):
    weights = weights_of("solid_angle", HEIGHT, WIDTH).flatten()
    places = torch.tensor(fixated)
    area = auc_judd(saliency.double(), places, weights)
    assert 0 <= area <= 1
    assert auc_judd(3 * saliency.double() ** power + 1, places, weights) == pytest.approx(area)


def test_a_perfect_map_and_a_flat_one(weights_of):
    weights = weights_of("solid_angle", HEIGHT, WIDTH).flatten()
    fixated = torch.tensor([130, 131])
    perfect = torch.zeros(PIXELS).index_fill(0, fixated, 1.0)
    flat = torch.full((PIXELS,), 0.3)
    generator = torch.Generator().manual_seed(0)
    assert auc_judd(perfect, fixated, weights) == pytest.approx(1.0)
    assert auc_borji(perfect, fixated, weights, generator) > 0.97
    assert nss(perfect, fixated, weights) > 5
    assert auc_judd(flat, fixated, weights) == pytest.approx(0.5)
    assert auc_borji(flat, fixated, weights, generator) == pytest.approx(0.5)
    assert nss(flat, fixated, weights) == 0.0
