import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.alignment.alignment import nss_curves, offsets_deg
from vpnet.geometry.directions import direction_from_angles
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.recordings.frame import Frame, align_to_video

HEIGHT, WIDTH = 30, 60
STEP_DEG = 360 / WIDTH

SEED = st.integers(0, 2**31 - 1)


def random_maps_and_directions(seed: int):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(3, HEIGHT, WIDTH, generator=generator)
    directions = torch.randn(8, 3, generator=generator)
    index = torch.randint(3, (8,), generator=generator)
    return maps, index, torch.nn.functional.normalize(directions, dim=-1)


def test_offsets_are_one_per_column():
    assert offsets_deg(8).tolist() == [-180, -135, -90, -45, 0, 45, 90, 135]
    assert offsets_deg(3).tolist() == [-120, 0, 120]


def test_the_score_is_the_z_score_of_the_pixel():
    maps = torch.rand(1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    weights = solid_angle_weights(HEIGHT, WIDTH)
    mean = float((maps[0] * weights).sum())
    deviation = math.sqrt(float(((maps[0] - mean) ** 2 * weights).sum()))
    directions = pixel_directions(HEIGHT, WIDTH)[[7, 29], [11, 59]]
    curves, known = nss_curves(maps, torch.zeros(2, dtype=torch.long), directions)
    assert known.all()
    for curve, (row, column) in zip(curves, ((7, 11), (29, 59)), strict=True):
        turned = [(column + step - WIDTH // 2) % WIDTH for step in range(WIDTH)]
        expected = (maps[0, row, turned] - mean) / deviation
        torch.testing.assert_close(curve[0], expected, atol=2e-3, rtol=0)


@settings(max_examples=20, deadline=None)
@given(SEED, st.integers(0, WIDTH - 1), st.booleans())
def test_a_curve_tells_the_score_after_that_alignment(seed, step, mirror):
    maps, index, directions = random_maps_and_directions(seed)
    curves, _ = nss_curves(maps, index, directions)
    aligned = align_to_video(directions, Frame(float(offsets_deg(WIDTH)[step]), mirror))
    there, _ = nss_curves(maps, index, aligned)
    unturned = there[:, 0, WIDTH // 2]
    torch.testing.assert_close(curves[:, int(mirror), step], unturned, atol=2e-3, rtol=0)


@settings(max_examples=20, deadline=None)
@given(SEED, st.integers(-WIDTH, WIDTH))
def test_turning_the_directions_shifts_the_curves(seed, columns):
    maps, index, directions = random_maps_and_directions(seed)
    curves, _ = nss_curves(maps, index, directions)
    frame = Frame(columns * STEP_DEG)
    turned, _ = nss_curves(maps, index, align_to_video(directions, frame))
    torch.testing.assert_close(turned[:, 0], curves[:, 0].roll(-columns, 1), atol=2e-3, rtol=0)
    torch.testing.assert_close(turned[:, 1], curves[:, 1].roll(columns, 1), atol=2e-3, rtol=0)


def test_chance_is_zero_when_looking_spreads_over_the_sphere():
    maps = torch.rand(1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    directions = pixel_directions(HEIGHT, WIDTH).reshape(-1, 3)
    curves, _ = nss_curves(maps, torch.zeros(len(directions), dtype=torch.long), directions)
    weights = solid_angle_weights(HEIGHT, WIDTH).reshape(-1, 1, 1)
    torch.testing.assert_close((curves * weights).sum(0), torch.zeros(2, WIDTH), atol=1e-4, rtol=0)


@pytest.mark.parametrize("level", [1.0, 1e-3, 300.0])
def test_a_flat_map_says_nothing(level):
    maps = torch.full((1, HEIGHT, WIDTH), level)
    forward = direction_from_angles(torch.zeros(2), torch.zeros(2))
    curves, known = nss_curves(maps, torch.tensor([0, -1]), forward)
    assert not known.any()
    assert (curves == 0).all()


def test_no_maps_at_all_say_nothing():
    forward = direction_from_angles(torch.zeros(2), torch.zeros(2))
    curves, known = nss_curves(torch.zeros(0, 4, 8), torch.tensor([-1, -1]), forward)
    assert curves.shape == (2, 2, 8)
    assert not known.any()


def test_directions_without_a_map_leave_the_others_alone():
    maps, index, directions = random_maps_and_directions(2)
    curves, _ = nss_curves(maps, index, directions)
    index[3] = -1
    fewer, known = nss_curves(maps, index, directions)
    assert known.tolist() == [row != 3 for row in range(8)]
    assert (fewer[3] == 0).all()
    assert torch.equal(fewer[known], curves[known])


def test_a_faint_map_has_a_shape_all_the_same():
    maps = torch.ones(2, HEIGHT, WIDTH)
    maps[0, :, : WIDTH // 2] += 0.1
    directions = pixel_directions(HEIGHT, WIDTH)[[7, 29], [11, 59]]
    _, known = nss_curves(maps, torch.tensor([0, 1]), directions)
    assert known.tolist() == [True, False], "a twentieth of the mean, and nothing"
