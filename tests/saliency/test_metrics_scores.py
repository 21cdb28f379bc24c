import math

import pytest
import torch

from vpnet.saliency.metrics import WEIGHTINGS, direction_density, score_map


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def looking(directions_at) -> torch.Tensor:
    """Five people, one of them elsewhere."""
    return directions_at([1.0, 5.0, -8.0, 4.0, 170.0], 10.0).float()


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_map_at_the_right_place_beats_one_at_the_wrong(
    looking, generator, directions_at, weighting
):
    right = direction_density(directions_at([0.0], 10.0), 60, 120, 12.0)
    wrong = right.roll(40, dims=1)
    good, bad = (score_map(saliency, looking, generator, weighting) for saliency in (right, wrong))
    assert good.kld < bad.kld
    for name in ("cc", "sim", "nss", "auc_judd", "auc_borji"):
        assert getattr(good, name) > getattr(bad, name), name
    assert all(math.isfinite(value) for value in (*good, *bad))


def test_the_density_itself_is_the_best_map(looking, generator):
    scores = score_map(direction_density(looking, 60, 120, 5.0), looking, generator)
    assert scores.cc == pytest.approx(1)
    assert scores.sim == pytest.approx(1)
    assert scores.kld == pytest.approx(0, abs=1e-4)
    assert scores.auc_judd > 0.97


def test_on_the_sphere_nothing_depends_on_where_the_seam_is(looking, directions_at):
    saliency = direction_density(directions_at([0.0, 60.0], 10.0), 60, 120, 12.0)
    at_seam = looking * torch.tensor([-1.0, 1.0, -1.0])
    front = score_map(saliency, looking, torch.Generator().manual_seed(0))
    back = score_map(saliency.roll(60, dims=1), at_seam, torch.Generator().manual_seed(0))
    assert back[:5] == pytest.approx(front[:5], abs=1e-4)
    assert back.auc_borji == pytest.approx(front.auc_borji, abs=0.03)


def test_the_sphere_makes_a_difference_at_the_poles(generator, directions_at):
    """A map of the zenith fills a sixth of the picture, and 6.7 % of the sphere."""
    looking = directions_at([0.0], 80.0).float()
    saliency = torch.zeros(60, 120)
    saliency[:10] = 1
    sphere, picture = (
        score_map(saliency, looking, generator, name).auc_judd for name in WEIGHTINGS
    )
    assert sphere == pytest.approx(1 - math.sin(math.pi / 12) ** 2 / 2, abs=1e-3)
    assert picture == pytest.approx(1 - 1 / 12, abs=0.02)


def test_what_cannot_be_measured_is_refused(looking, generator):
    ones = torch.ones(10, 20)
    with pytest.raises(ValueError, match="one direction at least, got none"):
        score_map(ones, looking[:0], generator)
    for bad in (-ones, ones * torch.nan):
        with pytest.raises(ValueError, match="finite and not negative"):
            score_map(bad, looking, generator)
    with pytest.raises(ValueError, match="weighting must be one of"):
        score_map(ones, looking, generator, "cosine")
