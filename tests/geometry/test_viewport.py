import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.geometry.directions import FORWARD, direction_from_angles, normalize
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles, rotate
from vpnet.geometry.viewport import circular_field_of_view, rectangular_field_of_view

modest = settings(max_examples=40, deadline=None)


def at(yaw_deg: float, elevation_deg: float) -> torch.Tensor:
    angles = torch.deg2rad(torch.tensor((yaw_deg, elevation_deg), dtype=torch.float64))
    return direction_from_angles(*angles)


def oriented(yaw_deg: float, elevation_deg: float, roll_deg: float) -> torch.Tensor:
    angles = torch.deg2rad(torch.tensor((yaw_deg, elevation_deg, roll_deg), dtype=torch.float64))
    return quaternion_from_angles(*angles)


@pytest.mark.parametrize(
    ("yaw_deg", "elevation_deg", "inside"),
    [(0, 0, True), (49, 0, True), (51, 0, False), (0, -49, True), (0, 51, False), (40, 40, False)],
)
def test_circular_field_of_view_of_known_directions(yaw_deg, elevation_deg, inside):
    center = torch.tensor(FORWARD, dtype=torch.float64)
    assert bool(circular_field_of_view(center, at(yaw_deg, elevation_deg), 100)) is inside


@modest
@given(diameter_deg=st.floats(20, 360), yaw=st.floats(-180, 180), elevation=st.floats(-90, 90))
def test_circular_field_of_view_covers_the_area_of_its_cap(diameter_deg, yaw, elevation):
    pixels = pixel_directions(90, 180, dtype=torch.float64)
    inside = circular_field_of_view(at(yaw, elevation), pixels, diameter_deg)
    area = (inside * solid_angle_weights(90, 180, dtype=torch.float64)).sum()
    assert area == pytest.approx((1 - math.cos(math.radians(diameter_deg / 2))) / 2, abs=6e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_circular_field_of_view_at_its_limits(dtype):
    centers = normalize(torch.randn(10_000, 3, dtype=dtype))
    assert circular_field_of_view(centers, centers, 0.001).all(), "the centre is always inside"
    assert circular_field_of_view(centers, -centers, 360).all(), "a full circle leaves nothing out"


@pytest.mark.parametrize(
    ("yaw_deg", "elevation_deg", "inside"),
    [
        (0, 0, True),
        (49, 0, True),
        (51, 0, False),
        (0, 39, True),
        (0, -41, False),
        # A flat screen: at yaw 49 its upper edge is at atan(tan 40 cos 49), 28.8 degrees.
        (49, 28, True),
        (49, 30, False),
        (180, 0, False),
    ],
    ids=["centre", "right", "beyond right", "up", "beyond down", "corner", "past corner", "behind"],
)
def test_rectangular_field_of_view_of_a_level_head(yaw_deg, elevation_deg, inside):
    direction = at(yaw_deg, elevation_deg)
    assert bool(rectangular_field_of_view(oriented(0, 0, 0), direction, (100, 80))) is inside


def test_rectangular_field_of_view_rolls_with_the_head():
    wide = (100.0, 20.0)
    assert rectangular_field_of_view(oriented(0, 0, 0), at(40, 0), wide)
    assert not rectangular_field_of_view(oriented(0, 0, 90), at(40, 0), wide)
    assert rectangular_field_of_view(oriented(0, 0, 90), at(0, 40), wide)


@modest
@given(
    yaw=st.floats(-180, 180),
    elevation=st.floats(-89, 89),
    roll=st.floats(-180, 180),
    offset_yaw=st.floats(-180, 180),
    offset_elevation=st.floats(-89, 89),
)
def test_rectangular_field_of_view_turns_with_the_head(
    yaw, elevation, roll, offset_yaw, offset_elevation
):
    seen = at(offset_yaw, offset_elevation)
    edges = torch.stack(
        (seen[0].abs() - math.tan(math.radians(45)) * seen[2], seen[1].abs() - 0.5 * seen[2])
    )
    if edges.abs().min() < 1e-9:
        return  # On an edge rounding decides.
    size = (90.0, 2 * math.degrees(math.atan(0.5)))
    head = oriented(yaw, elevation, roll)
    turned = rectangular_field_of_view(head, rotate(head, seen), size)
    assert turned == rectangular_field_of_view(oriented(0, 0, 0), seen, size)
    assert rectangular_field_of_view(head, forward_direction(head), size)


@pytest.mark.parametrize("diameter_deg", [0, -10, 361, math.nan])
def test_circular_field_of_view_refuses_what_is_no_angle(diameter_deg):
    center = torch.tensor(FORWARD)
    with pytest.raises(ValueError, match=r"diameter_deg is a full angle in \(0, 360\]"):
        circular_field_of_view(center, center, diameter_deg)


@pytest.mark.parametrize("field_of_view_deg", [(0, 90), (90, 180), (math.nan, 90)])
def test_rectangular_field_of_view_refuses_what_is_no_pair_of_angles(field_of_view_deg):
    with pytest.raises(ValueError, match="pair \\(horizontal, vertical\\)"):
        rectangular_field_of_view(oriented(0, 0, 0), at(0, 0), field_of_view_deg)
