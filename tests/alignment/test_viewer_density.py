import math

import pytest
import torch

from vpnet.alignment.moment_maps import SMOOTHING_DEG, ViewerDensity
from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.equirectangular import pixel_directions


@pytest.fixture
def density(looking) -> ViewerDensity:
    """Of two who look apart; the second stops early."""
    recordings = [
        looking([-60.0, -50.0, -40.0], 20.0, user_id="ada"),
        looking([90.0, 100.0], user_id="bob"),
    ]
    return ViewerDensity(recordings, rate_hz=5.0)


def kernel(direction):
    """The normal distribution of the sphere around a direction, by its definition."""
    distance = great_circle_distance(pixel_directions(60, 120).double(), direction)
    return torch.exp((torch.cos(distance) - 1) / math.radians(SMOOTHING_DEG) ** 2)


def test_a_stranger_sees_the_sum_of_all_kernels(density, directions_at):
    maps, index = density.look_up("v", ["eve"], torch.tensor([0.0, 0.4]))
    both = kernel(directions_at([-60.0], 20.0)) + kernel(directions_at([90.0]))
    torch.testing.assert_close(maps[index[0, 0]].double(), both, atol=1e-4, rtol=0)
    alone = kernel(directions_at([-40.0], 20.0))
    torch.testing.assert_close(maps[index[0, 1]].double(), alone, atol=1e-4, rtol=0)


def test_viewers_are_left_out_of_their_own_maps(density, directions_at):
    times_s = torch.tensor([0.0, 0.2, 0.4])
    maps, index = density.look_up("v", ["bob", "eve", "ada"], times_s)
    assert index[2, 2] == -1, "when bob has stopped, ada is alone"
    assert (index[:, :2] >= 0).all()
    for row, yaw_deg, elevation_deg in ((0, -50.0, 20.0), (2, 100.0, 0.0)):
        other = kernel(directions_at([yaw_deg], elevation_deg))
        torch.testing.assert_close(maps[index[row, 1]].double(), other, atol=1e-4, rtol=0)
    assert (maps >= 0).all()


def test_nobody_looks_after_the_end(density):
    _, index = density.look_up("v", ["eve"], torch.tensor([0.4, 0.6]))
    assert index.tolist() == [[0, -1]]


def test_a_video_that_nobody_watched_has_no_maps(density):
    density.bind(["v", "other"])
    maps, index = density.look_up("other", ["eve", "ada"], torch.tensor([0.0, 0.2]))
    assert maps.shape == (0, 60, 120)
    assert (index == -1).all()


def test_recordings_of_other_videos_are_refused(density):
    with pytest.raises(InputError, match=r"must share videos, by their ids; these are x, \.\.\."):
        density.bind(["x"])


def test_moments_in_batches_are_as_moments_one_by_one(looking):
    """More viewers than are taken at once with several moments."""
    viewers = [
        looking([number * 1.2 + step for step in range(4)], user_id=f"viewer {number}")
        for number in range(100)
    ]
    density = ViewerDensity(viewers)
    times_s = torch.tensor([0.0, 0.2, 0.4, 0.6])
    queried = ["viewer 7", "eve", "viewer 31"]
    maps, index = density.look_up("v", queried, times_s)
    for step in range(4):
        single, which = density.look_up("v", queried, times_s[step : step + 1])
        torch.testing.assert_close(maps[index[:, step]], single[which[:, 0]])
