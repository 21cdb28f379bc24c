import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpnet.geometry.directions import (
    FORWARD,
    RIGHT,
    UP,
    circular_field_of_view,
    direction_from_angles,
    great_circle_distance,
    interpolate_directions,
    normalize,
    wrap_angle,
    yaw_and_elevation,
)
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.geometry.rotations import quaternion_from_angles, rotate

modest = settings(max_examples=60, deadline=None)
yaws = st.floats(-math.pi, math.pi, exclude_max=True)
elevations = st.floats(-math.pi / 2, math.pi / 2)
fractions = st.floats(0, 1)


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


directions = st.builds(
    lambda yaw, elevation: direction_from_angles(scalar(yaw), scalar(elevation)), yaws, elevations
)
orientations = st.builds(
    lambda *angles: quaternion_from_angles(*map(scalar, angles)), yaws, elevations, yaws
)

KNOWN_DIRECTIONS = [
    ("forward", FORWARD, 0.0, 0.0),
    ("right", RIGHT, 90.0, 0.0),
    ("left", (-1.0, 0.0, 0.0), -90.0, 0.0),
    ("behind", (0.0, 0.0, -1.0), -180.0, 0.0),
    ("up", UP, 0.0, 90.0),
    ("down", (0.0, -1.0, 0.0), 0.0, -90.0),
    ("right and up", (0.5, math.sqrt(0.5), 0.5), 45.0, 45.0),
    ("behind left and down", (-0.75, -0.5, -math.sqrt(3) / 4), -120.0, -30.0),
]
known_directions = pytest.mark.parametrize(
    ("direction", "yaw_deg", "elevation_deg"),
    [row[1:] for row in KNOWN_DIRECTIONS],
    ids=[row[0] for row in KNOWN_DIRECTIONS],
)


@known_directions
def test_angles_of_known_directions(direction, yaw_deg, elevation_deg):
    yaw_rad, elevation_rad = yaw_and_elevation(tensor(*direction))
    assert math.degrees(yaw_rad) == pytest.approx(yaw_deg, abs=1e-9)
    assert math.degrees(elevation_rad) == pytest.approx(elevation_deg, abs=1e-9)


@known_directions
def test_known_directions_of_angles(direction, yaw_deg, elevation_deg):
    found = direction_from_angles(
        scalar(math.radians(yaw_deg)), scalar(math.radians(elevation_deg))
    )
    torch.testing.assert_close(found, tensor(*direction), atol=1e-12, rtol=0)


@modest
@given(yaw=yaws, elevation=st.floats(-1.57, 1.57))
def test_angles_survive_the_round_trip(yaw, elevation):
    found_yaw, found_elevation = yaw_and_elevation(
        direction_from_angles(scalar(yaw), scalar(elevation))
    )
    assert abs(wrap_angle(found_yaw - yaw)) < 1e-9
    assert abs(found_elevation - elevation) < 1e-9


@modest
@given(direction=directions)
def test_directions_survive_the_round_trip(direction):
    torch.testing.assert_close(
        direction_from_angles(*yaw_and_elevation(direction)), direction, atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("direction", [UP, (0.0, -1.0, 0.0), FORWARD, (0.0, 0.0, -1.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_angles_have_finite_gradients_at_the_poles(direction, dtype):
    direction = torch.tensor(direction, dtype=dtype, requires_grad=True)
    torch.stack(yaw_and_elevation(direction)).sum().backward()
    assert direction.grad is not None
    assert direction.grad.isfinite().all()


@pytest.mark.parametrize(
    ("angle_deg", "expected_deg"),
    [(0, 0), (180, -180), (-180, -180), (190, -170), (-190, 170), (720.5, 0.5), (539, 179)],
)
def test_wrap_angle_of_known_values(angle_deg, expected_deg):
    wrapped = wrap_angle(torch.deg2rad(scalar(angle_deg)))
    assert math.degrees(wrapped) == pytest.approx(expected_deg, abs=1e-9)


@modest
@given(angle=st.floats(-1e3, 1e3), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_wrapped_angles_lie_in_the_half_open_range_and_are_the_same_angle(angle, dtype):
    angle = torch.tensor(angle, dtype=dtype)
    wrapped = wrap_angle(angle)
    pi = torch.tensor(math.pi, dtype=dtype)
    assert -pi <= wrapped < pi
    tolerance = 2e-4 if dtype == torch.float32 else 1e-12
    assert abs(torch.sin(wrapped) - torch.sin(angle)) < tolerance
    assert abs(torch.cos(wrapped) - torch.cos(angle)) < tolerance


@pytest.mark.parametrize(
    ("direction_a", "direction_b", "expected_deg"),
    [
        (FORWARD, FORWARD, 0.0),
        (FORWARD, RIGHT, 90.0),
        (UP, (0.0, -1.0, 0.0), 180.0),
        (FORWARD, (0.0, 0.6, 0.8), 36.86989764584402),
        ((0.5, math.sqrt(0.5), 0.5), (0.5, math.sqrt(0.5), -0.5), 60.0),
    ],
    ids=["same", "quarter turn", "poles", "3-4-5", "over the pole"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_great_circle_distance_of_known_pairs(direction_a, direction_b, expected_deg, dtype):
    direction_a = torch.tensor(direction_a, dtype=dtype, requires_grad=True)
    distance_rad = great_circle_distance(direction_a, torch.tensor(direction_b, dtype=dtype))
    assert math.degrees(distance_rad.item()) == pytest.approx(expected_deg, abs=1e-5)
    distance_rad.backward()
    assert direction_a.grad is not None
    assert direction_a.grad.isfinite().all(), "training must survive a perfect prediction"


def test_great_circle_distance_resolves_small_angles_in_float32():
    angle_rad = torch.tensor([1e-5, 1e-4, 1e-3])
    rotated = direction_from_angles(angle_rad, torch.zeros(3))
    distance_rad = great_circle_distance(torch.tensor(FORWARD), rotated)
    torch.testing.assert_close(distance_rad, angle_rad, rtol=1e-5, atol=0)


@modest
@given(a=directions, b=directions, c=directions)
def test_great_circle_distance_is_a_metric(a, b, c):
    assert great_circle_distance(a, a) < 1e-12
    assert great_circle_distance(a, b) == pytest.approx(great_circle_distance(b, a))
    assert 0 <= great_circle_distance(a, b) <= math.pi
    through_b = great_circle_distance(a, b) + great_circle_distance(b, c)
    assert great_circle_distance(a, c) <= through_b + 1e-12


@modest
@given(a=directions, b=directions, turn=orientations)
def test_great_circle_distance_does_not_change_when_both_are_rotated(a, b, turn):
    distance = great_circle_distance(rotate(turn, a), rotate(turn, b))
    assert abs(distance - great_circle_distance(a, b)) < 1e-9


def test_great_circle_distance_broadcasts():
    many = normalize(torch.randn(5, 1, 3))
    few = normalize(torch.randn(4, 3))
    assert great_circle_distance(many, few).shape == (5, 4)


@modest
@given(start=directions, end=directions, fraction=fractions)
def test_interpolation_moves_along_the_great_circle_at_constant_speed(start, end, fraction):
    whole = great_circle_distance(start, end)
    if whole > math.pi - 1e-3:
        return
    between = interpolate_directions(start, end, scalar(fraction))
    assert abs(great_circle_distance(start, between) - fraction * whole) < 1e-6
    assert abs(great_circle_distance(between, end) - (1 - fraction) * whole) < 1e-6


def test_interpolation_goes_on_beyond_the_end():
    quarter = interpolate_directions(tensor(*FORWARD), tensor(*RIGHT), scalar(2.0))
    torch.testing.assert_close(quarter, tensor(0, 0, -1))


@pytest.mark.parametrize(("fraction", "expected"), [(0.25, FORWARD), (0.75, (0.0, 0.0, -1.0))])
def test_interpolation_between_opposite_directions_takes_the_nearer_one(fraction, expected):
    between = interpolate_directions(tensor(*FORWARD), tensor(0, 0, -1), scalar(fraction))
    torch.testing.assert_close(between, tensor(*expected))


@pytest.mark.parametrize("end", [FORWARD, RIGHT, (0.0, 0.0, -1.0)])
def test_interpolation_has_finite_gradients(end):
    start = tensor(*FORWARD).requires_grad_()
    interpolate_directions(start, tensor(*end), scalar(0.3)).sum().backward()
    assert start.grad is not None
    assert start.grad.isfinite().all()


def test_normalize_keeps_the_zero_vector():
    vectors = normalize(tensor(3, 0, 4, 0, 0, 0).reshape(2, 3))
    torch.testing.assert_close(vectors, tensor(0.6, 0, 0.8, 0, 0, 0).reshape(2, 3))


def at(yaw_deg: float, elevation_deg: float) -> Tensor:
    return direction_from_angles(*torch.deg2rad(tensor(yaw_deg, elevation_deg)))


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


@pytest.mark.parametrize("diameter_deg", [0, -10, 361, math.nan])
def test_circular_field_of_view_refuses_what_is_no_angle(diameter_deg):
    center = torch.tensor(FORWARD)
    with pytest.raises(ValueError, match=r"diameter_deg is a full angle in \(0, 360\]"):
        circular_field_of_view(center, center, diameter_deg)
