import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpnet.geometry.directions import FORWARD, RIGHT, UP, direction_from_angles, normalize
from vpnet.geometry.directions import great_circle_distance as distance
from vpnet.geometry.rotations import quaternion_from_angles, rotate
from vpnet.geometry.tangent import from_tangent, tangent_axes, to_tangent, viewport_axes

modest = settings(max_examples=60, deadline=None)
yaws = st.floats(-math.pi, math.pi)
elevations = st.floats(-math.pi / 2, math.pi / 2)


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


directions = st.builds(
    lambda yaw, elevation: direction_from_angles(scalar(yaw), scalar(elevation)), yaws, elevations
)


@modest
@given(center=directions)
def test_axes_are_orthonormal_and_east_is_level(center):
    east, north = tangent_axes(center)
    axes = viewport_axes(center)
    assert torch.equal(axes.T, torch.stack((east, north, center)))
    torch.testing.assert_close(axes.T @ axes, torch.eye(3, dtype=torch.float64))
    assert float(torch.linalg.det(axes)) == pytest.approx(1), "no mirror image"
    assert east[1] == 0
    assert north[1] >= -1e-12


@pytest.mark.parametrize(
    ("center", "direction", "east_deg", "north_deg"),
    [
        (FORWARD, FORWARD, 0, 0),
        (FORWARD, RIGHT, 90, 0),
        (FORWARD, UP, 0, 90),
        (RIGHT, FORWARD, -90, 0),
        ((0.0, 0.0, -1.0), RIGHT, -90, 0),
        (UP, RIGHT, 90, 0),
        (UP, FORWARD, 0, -90),
        ((0.0, -1.0, 0.0), FORWARD, 0, 90),
        (FORWARD, (0.0, 0.0, -1.0), 180, 0),
    ],
)
def test_coordinates_of_known_directions(center, direction, east_deg, north_deg):
    found = torch.rad2deg(to_tangent(tensor(*center), tensor(*direction)))
    torch.testing.assert_close(found, tensor(east_deg, north_deg))
    returned = from_tangent(tensor(*center), torch.deg2rad(tensor(east_deg, north_deg)))
    torch.testing.assert_close(returned, tensor(*direction))


@modest
@given(center=directions, direction=directions)
def test_directions_survive_the_round_trip(center, direction):
    returned = from_tangent(center, to_tangent(center, direction))
    assert distance(returned, direction) < 1e-6


@modest
@given(center=directions, length=st.floats(1e-4, 3.1), bearing=yaws)
def test_offsets_survive_the_round_trip(center, length, bearing):
    offset = tensor(length * math.cos(bearing), length * math.sin(bearing))
    torch.testing.assert_close(
        to_tangent(center, from_tangent(center, offset)), offset, atol=1e-6, rtol=0
    )


@modest
@given(center=directions, direction=directions)
def test_an_offset_is_as_long_as_the_great_circle_distance(center, direction):
    length = torch.linalg.vector_norm(to_tangent(center, direction))
    assert abs(length - distance(center, direction)) < 1e-9


@modest
@given(center=directions, direction=directions, turn=yaws)
def test_turning_the_scene_about_the_vertical_leaves_coordinates_unchanged(center, direction, turn):
    if math.hypot(center[0], center[2]) < 1e-6 or distance(center, direction) > math.pi - 1e-3:
        return  # At a pole east is fixed to the world, and opposite directions have no bearing.
    about_y = quaternion_from_angles(scalar(turn), scalar(0), scalar(0))
    turned = to_tangent(rotate(about_y, center), rotate(about_y, direction))
    torch.testing.assert_close(turned, to_tangent(center, direction), atol=1e-6, rtol=0)


@pytest.mark.parametrize("center", [FORWARD, UP, (0.0, -1.0, 0.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_zero_offset_gives_the_centre_with_a_finite_gradient(center, dtype):
    center = torch.tensor(center, dtype=dtype, requires_grad=True)
    offset = torch.zeros(2, dtype=dtype, requires_grad=True)
    direction = from_tangent(center, offset)
    assert torch.equal(direction, center)
    direction.sum().backward()
    east, north = tangent_axes(center.detach())
    # The map keeps lengths at the centre: its derivative there are the axes themselves.
    torch.testing.assert_close(offset.grad, torch.stack((east.sum(), north.sum())))
    assert center.grad is not None
    assert center.grad.isfinite().all()


@pytest.mark.parametrize("direction", [FORWARD, (0.0, 0.0, -1.0), UP])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_coordinates_have_finite_gradients_at_equality_and_opposition(direction, dtype):
    center = torch.tensor(FORWARD, dtype=dtype, requires_grad=True)
    direction = torch.tensor(direction, dtype=dtype, requires_grad=True)
    to_tangent(center, direction).sum().backward()
    assert center.grad is not None
    assert center.grad.isfinite().all()
    assert direction.grad is not None
    assert direction.grad.isfinite().all()


def test_both_maps_broadcast_a_centre_over_a_horizon():
    centers = normalize(torch.randn(4, 1, 3))
    future = normalize(torch.randn(4, 7, 3))
    offsets = to_tangent(centers, future)
    assert offsets.shape == (4, 7, 2)
    torch.testing.assert_close(from_tangent(centers, offsets), future, atol=1e-4, rtol=0)
