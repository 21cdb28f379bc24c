import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.geometry.directions import FORWARD, RIGHT, UP
from vpnet.geometry.equirectangular import (
    direction_from_pixel,
    pixel_directions,
    pixel_from_direction,
    solid_angle_weights,
)

modest = settings(max_examples=60, deadline=None)
heights = st.integers(1, 200)


@pytest.mark.parametrize(
    ("direction", "row", "column"),
    [
        (FORWARD, 89.5, 179.5),
        (RIGHT, 89.5, 269.5),
        ((-1.0, 0.0, 0.0), 89.5, 89.5),
        ((0.0, 0.0, -1.0), 89.5, -0.5),
        (UP, -0.5, 179.5),
        ((0.0, -1.0, 0.0), 179.5, 179.5),
    ],
    ids=["forward", "right", "left", "behind", "up", "down"],
)
def test_pixels_of_known_directions(direction, row, column):
    found = pixel_from_direction(torch.tensor(direction, dtype=torch.float64), 180, 360)
    assert [float(value) for value in found] == pytest.approx([row, column], abs=1e-9)


@modest
@given(height=heights, data=st.data())
def test_pixels_survive_the_round_trip(height, data):
    row = torch.tensor(data.draw(st.integers(0, height - 1)), dtype=torch.float64)
    column = torch.tensor(data.draw(st.integers(0, 2 * height - 1)), dtype=torch.float64)
    direction = direction_from_pixel(row, column, height, 2 * height)
    found_row, found_column = pixel_from_direction(direction, height, 2 * height)
    assert abs(found_row - row) < 1e-6
    assert abs(found_column - column) < 1e-6


@modest
@given(height=heights, column=st.floats(-1000, 1000), row_share=st.floats(0.01, 0.99))
def test_columns_wrap(height, column, row_share):
    width = 2 * height
    row = torch.tensor(row_share * height - 0.5, dtype=torch.float64)
    column = torch.tensor(column, dtype=torch.float64)
    direction = direction_from_pixel(row, column, height, width)
    torch.testing.assert_close(direction_from_pixel(row, column + width, height, width), direction)
    found_row, found_column = pixel_from_direction(direction, height, width)
    assert -0.5 <= found_column < width - 0.5 + 1e-9
    turns = (found_column - column) / width
    assert abs(turns - turns.round()) < 1e-9
    assert abs(found_row - row) < 1e-6


def test_the_image_shows_up_above_and_right_to_the_right():
    directions = pixel_directions(4, 8, dtype=torch.float64)
    assert directions.shape == (4, 8, 3)
    assert (directions[:2, :, 1] > 0).all()
    assert (directions[2:, :, 1] < 0).all()
    assert (directions[:, 4:, 0] > 0).all()
    assert (directions[:, 2:6, 2] > 0).all()


def test_pixel_directions_are_those_of_the_single_pixels():
    directions = pixel_directions(6, 12)
    torch.testing.assert_close(
        directions[4, 9], direction_from_pixel(torch.tensor(4.0), torch.tensor(9.0), 6, 12)
    )


@modest
@given(height=heights)
def test_solid_angle_weights_sum_to_one_and_match_the_closed_form(height):
    weights = solid_angle_weights(height, 2 * height, dtype=torch.float64)
    assert weights.sum() == pytest.approx(1)
    for row in range(height):
        top = math.pi * (0.5 - row / height)
        bottom = math.pi * (0.5 - (row + 1) / height)
        # Area of a spherical band, 2 pi (sin top - sin bottom), shared by its pixels.
        expected = 2 * math.pi * (math.sin(top) - math.sin(bottom)) / (4 * math.pi) / (2 * height)
        assert float(weights[row, -1]) == pytest.approx(expected)


def test_solid_angle_weights_of_two_rows_are_equal():
    torch.testing.assert_close(solid_angle_weights(2, 4), torch.full((2, 4), 1 / 8))


def test_solid_angle_weights_are_near_the_cosine_of_the_pixel_centres():
    weights = solid_angle_weights(90, 180, dtype=torch.float64)
    cosine = torch.sqrt(1 - pixel_directions(90, 180, dtype=torch.float64)[..., 1] ** 2)
    torch.testing.assert_close(weights, cosine / cosine.sum(), rtol=1e-3, atol=0)
