import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import vonmises_fisher
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.saliency.fitted_sources import CenterBias
from vpnet.saliency.source import TrainingDirections

HEIGHT, WIDTH = 24, 48


def directions(yaw_deg: list[float], elevation_deg: list[float]) -> Tensor:
    return direction_from_angles(
        torch.deg2rad(torch.tensor(yaw_deg)), torch.deg2rad(torch.tensor(elevation_deg))
    )


def training(viewport_centers: Tensor) -> TrainingDirections:
    """Directions of one viewer of one video."""
    samples = torch.arange(len(viewport_centers))
    return TrainingDirections(("u",), ("v",), 0 * samples, samples, viewport_centers, 5.0)


def fitted(viewport_centers: Tensor, smoothing_deg: float = 10.0) -> Tensor:
    prior = CenterBias(HEIGHT, WIDTH, smoothing_deg)
    prior.fit(training(viewport_centers))
    return prior.map


@settings(max_examples=20, deadline=None)
@given(
    pixels=st.lists(
        st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)), min_size=1, max_size=30
    ),
    concentration=st.sampled_from([5, 50, 130]),
)
def test_the_density_is_scipys_mixture_of_von_mises_fisher(pixels, concentration):
    grid = pixel_directions(HEIGHT, WIDTH, torch.float64)
    seen = torch.stack([grid[pixel] for pixel in pixels])
    points = grid.reshape(-1, 3).numpy()
    mixture = [vonmises_fisher(mu.numpy(), concentration).pdf(points) for mu in seen]
    density = np.mean(mixture, axis=0).reshape(HEIGHT, WIDTH)
    density /= (density * solid_angle_weights(HEIGHT, WIDTH).numpy()).sum()
    found = fitted(seen.float(), math.degrees(concentration**-0.5)).numpy()
    np.testing.assert_allclose(found, density, rtol=2e-3, atol=1e-4)


def test_samples_between_pixels_err_by_less_than_a_pixel():
    generator = torch.Generator().manual_seed(0)
    seen = direction_from_angles(
        0.5 * torch.randn(3000, generator=generator), 0.3 * torch.randn(3000, generator=generator)
    )
    grid = pixel_directions(HEIGHT, WIDTH)
    concentration = 1 / math.radians(20) ** 2
    density = torch.exp(concentration * (torch.einsum("rcx,sx->rcs", grid, seen) - 1)).mean(-1)
    density /= (density * solid_angle_weights(HEIGHT, WIDTH)).sum()
    assert (fitted(seen, 20.0) - density).abs().max() < 0.02 * density.max()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), samples=st.integers(0, 600))
def test_the_sum_under_solid_angle_weights_is_one(seed, samples):
    generator = torch.Generator().manual_seed(seed)
    seen = torch.nn.functional.normalize(torch.randn(samples, 3, generator=generator), dim=-1)
    learned = fitted(seen)
    assert learned.min() >= 0
    assert (learned * solid_angle_weights(HEIGHT, WIDTH)).sum() == pytest.approx(1, abs=1e-5)


def test_many_distinct_pixels_are_summed_in_pieces():
    seen = pixel_directions(HEIGHT, WIDTH).reshape(-1, 3)
    together = fitted(seen)  # 1152 pixels: three pieces
    kernel = torch.exp((seen @ seen.T - 1) / math.radians(10) ** 2)
    at_once = kernel.sum(dim=1).reshape(HEIGHT, WIDTH)
    torch.testing.assert_close(together / together[0, 0], at_once / at_once[0, 0])
    # Pixels crowd at the poles, so an even count of pixels is denser there.
    assert together[0].min() > 2 * together[HEIGHT // 2].max()


@pytest.mark.parametrize(
    ("yaw_deg", "elevation_deg"), [(0.0, 0.0), (100.0, -40.0), (-179.0, 20.0), (30.0, 70.0)]
)
def test_the_peak_is_where_the_data_are(yaw_deg, elevation_deg):
    seen = directions([yaw_deg] * 5, [elevation_deg] * 5)
    learned = fitted(seen)
    peak = pixel_directions(HEIGHT, WIDTH).reshape(-1, 3)[learned.argmax()]
    assert torch.rad2deg(torch.acos((peak * seen[0]).sum())) < 180 / HEIGHT
    # Twice as many looks weigh twice as much.
    other = fitted(torch.cat((seen, directions([yaw_deg + 150], [-elevation_deg]))), 8.0)
    five, one = other.max(), other[(pixel_directions(HEIGHT, WIDTH) @ seen[0]) < 0].max()
    assert five / one == pytest.approx(5, rel=0.3)


def test_the_seam_is_no_edge():
    around = fitted(directions([180.0, -180.0, 179.9, -179.9], [0.0] * 4))
    torch.testing.assert_close(around, around.flip(1), rtol=1e-3, atol=1e-3)
    assert around.max() == around[:, [0, -1]].max()
    ahead = directions([-3.75], [11.25])
    behind = directions([-3.75 + 180.0], [11.25])
    torch.testing.assert_close(
        fitted(ahead).roll(WIDTH // 2, dims=1), fitted(behind), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("elevation_deg", [90.0, -90.0])
def test_the_poles_are_round(elevation_deg):
    learned = fitted(directions([0.0, 90.0, 180.0, -90.0], [elevation_deg] * 4))
    pole, opposite = (0, -1) if elevation_deg > 0 else (-1, 0)
    for rows in learned:
        assert rows.max() - rows.min() < 0.3 * learned.max()
    assert learned[pole].min() > 100 * learned[opposite].max()


def test_every_window_gets_the_one_map():
    prior = CenterBias(HEIGHT, WIDTH)
    assert torch.equal(prior.map, torch.ones(HEIGHT, WIDTH)), "uniform before any data"
    prior.bind(["u", "u"], ["v", "w"])
    maps, index = prior.look_up(torch.tensor([1, 0, 1]), torch.tensor([0.0, 5.0, 9.0]))
    assert maps.shape == (1, HEIGHT, WIDTH)
    assert maps.dtype == torch.float32
    assert index.tolist() == [0, 0, 0]


def test_what_was_learned_travels():
    prior = CenterBias(HEIGHT, WIDTH)
    prior.fit(training(directions([20.0], [10.0])))
    again = CenterBias(HEIGHT, WIDTH)
    again.load_state(prior.state())
    assert torch.equal(again.map, prior.map)


def test_the_state_of_another_source_is_refused():
    with pytest.raises(InputError, match="holds no fitted centre bias"):
        CenterBias().load_state({})
