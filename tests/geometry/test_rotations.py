import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from vpnet.geometry.directions import (
    FORWARD,
    RIGHT,
    UP,
    direction_from_angles,
    great_circle_distance,
    normalize,
    wrap_angle,
    yaw_and_elevation,
)
from vpnet.geometry.rotations import (
    conjugate,
    forward_direction,
    multiply_quaternions,
    quaternion_from_angles,
    roll_angle,
    rotate,
    slerp,
)

modest = settings(max_examples=60, deadline=None)
angles = st.floats(-math.pi, math.pi, exclude_max=True)
elevations = st.floats(-1.55, 1.55)
IDENTITY = (0.0, 0.0, 0.0, 1.0)


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


orientations = st.builds(
    lambda *angles: quaternion_from_angles(*map(scalar, angles)), angles, elevations, angles
)


@pytest.fixture
def random_quaternions() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    pair = torch.randn(2, 200, 4, dtype=torch.float64, generator=generator)
    first, second = torch.nn.functional.normalize(pair, dim=-1)
    return first, second


def test_rotate_agrees_with_scipy(random_quaternions):
    first, _ = random_quaternions
    vectors = torch.randn(200, 3, dtype=torch.float64)
    expected = torch.from_numpy(Rotation.from_quat(first.numpy()).apply(vectors.numpy()))
    torch.testing.assert_close(rotate(first, vectors), expected)


def test_multiply_agrees_with_scipy_up_to_sign(random_quaternions):
    first, second = random_quaternions
    product = Rotation.from_quat(first.numpy()) * Rotation.from_quat(second.numpy())
    expected = torch.from_numpy(product.as_quat())
    found = multiply_quaternions(first, second)
    sign = torch.sign((found * expected).sum(-1, keepdim=True))
    torch.testing.assert_close(sign * found, expected)


def test_quaternion_from_angles_agrees_with_scipy_intrinsic_yaw_pitch_roll(random_quaternions):
    yaw, elevation, roll = (random_quaternions[0][:, :3] * math.pi).unbind(-1)
    # Unity's pitch is positive down.
    euler = torch.stack((yaw, -elevation, roll), -1).numpy()
    expected = torch.from_numpy(Rotation.from_euler("YXZ", euler).as_quat())
    found = quaternion_from_angles(yaw, elevation, roll)
    sign = torch.sign((found * expected).sum(-1, keepdim=True))
    torch.testing.assert_close(sign * found, expected)


@modest
@given(first=orientations, second=orientations)
def test_multiplying_applies_the_second_rotation_first(first, second):
    vector = tensor(0.3, -0.5, 0.8)
    torch.testing.assert_close(
        rotate(multiply_quaternions(first, second), vector), rotate(first, rotate(second, vector))
    )


@modest
@given(orientation=orientations)
def test_the_conjugate_undoes_a_rotation(orientation):
    vector = tensor(0.3, -0.5, 0.8)
    torch.testing.assert_close(rotate(conjugate(orientation), rotate(orientation, vector)), vector)
    torch.testing.assert_close(
        multiply_quaternions(conjugate(orientation), orientation), tensor(*IDENTITY)
    )


@modest
@given(orientation=orientations)
def test_a_quaternion_and_its_negative_are_one_rotation(orientation):
    vector = tensor(0.3, -0.5, 0.8)
    torch.testing.assert_close(rotate(-orientation, vector), rotate(orientation, vector))
    torch.testing.assert_close(roll_angle(-orientation), roll_angle(orientation))


HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("orientation", "forward", "right", "up"),
    [
        (IDENTITY, FORWARD, RIGHT, UP),
        ((0.0, HALF, 0.0, HALF), RIGHT, (0.0, 0.0, -1.0), UP),
        ((-HALF, 0.0, 0.0, HALF), UP, RIGHT, (0.0, 0.0, -1.0)),
        ((0.0, 0.0, HALF, HALF), FORWARD, UP, (-1.0, 0.0, 0.0)),
    ],
    ids=["identity", "turned right", "looking up", "rolled from right to up"],
)
def test_axes_of_known_orientations(orientation, forward, right, up):
    orientation = tensor(*orientation)
    torch.testing.assert_close(forward_direction(orientation), tensor(*forward))
    torch.testing.assert_close(rotate(orientation, tensor(*RIGHT)), tensor(*right))
    torch.testing.assert_close(rotate(orientation, tensor(*UP)), tensor(*up))


@modest
@given(yaw=angles, elevation=elevations, roll=angles)
def test_angles_survive_the_round_trip(yaw, elevation, roll):
    orientation = quaternion_from_angles(scalar(yaw), scalar(elevation), scalar(roll))
    assert torch.linalg.vector_norm(orientation) == pytest.approx(1)
    torch.testing.assert_close(
        forward_direction(orientation), direction_from_angles(scalar(yaw), scalar(elevation))
    )
    assert abs(wrap_angle(roll_angle(orientation) - roll)) < 1e-9


def test_a_recorded_row_points_down_where_unity_writes_a_positive_pitch():
    """The worked row of docs/CONVENTIONS.md, defect 1; its quaternion is rounded to 0.01."""
    recorded_pitch_deg, recorded_gaze_elevation_deg = 20.18, -32.41
    recorded_relative_vertical_deg, recorded_offset_deg = -52.77, 54.62
    orientation = tensor(-0.17, 0.11, -0.05, -0.98)
    orientation = orientation / torch.linalg.vector_norm(orientation)

    head = forward_direction(orientation)
    yaw_rad, elevation_rad = yaw_and_elevation(head)
    assert math.degrees(elevation_rad) == pytest.approx(-recorded_pitch_deg, abs=0.6)
    assert recorded_relative_vertical_deg == pytest.approx(
        recorded_gaze_elevation_deg - recorded_pitch_deg, abs=0.5
    ), "the file subtracts a pitch that is positive down"

    horizontal_deg = math.sqrt(recorded_offset_deg**2 - recorded_relative_vertical_deg**2)
    for side in (-1, 1):
        gaze = direction_from_angles(
            yaw_rad + math.radians(side * horizontal_deg),
            scalar(math.radians(recorded_gaze_elevation_deg)),
        )
        offset_deg = math.degrees(great_circle_distance(head, gaze))
        assert offset_deg == pytest.approx(18, abs=1)
        assert offset_deg < recorded_offset_deg / 2


@modest
@given(start=orientations, end=orientations, fraction=st.floats(0, 1))
def test_slerp_turns_at_constant_speed_the_short_way(start, end, fraction):
    def angle_between(a: Tensor, b: Tensor) -> Tensor:
        turn = multiply_quaternions(conjugate(a), b)
        return 2 * torch.atan2(torch.linalg.vector_norm(turn[:3]), turn[3].abs())

    whole = angle_between(start, end)
    between = slerp(start, end, scalar(fraction))
    assert torch.linalg.vector_norm(between) == pytest.approx(1)
    assert abs(angle_between(start, between) - fraction * whole) < 1e-6
    assert abs(angle_between(between, end) - (1 - fraction) * whole) < 1e-6


@modest
@given(start=orientations, end=orientations, fraction=st.floats(0, 1))
def test_slerp_takes_either_sign_of_its_end(start, end, fraction):
    if abs((start * end).sum()) < 1e-6:
        return  # Half a turn apart: both ways round are equally short.
    either = slerp(start, -end, scalar(fraction))
    torch.testing.assert_close(either, slerp(start, end, scalar(fraction)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slerp_of_equal_orientations_has_finite_gradients(dtype):
    start = torch.tensor(IDENTITY, dtype=dtype, requires_grad=True)
    between = slerp(start, torch.tensor(IDENTITY, dtype=dtype), torch.tensor(0.5, dtype=dtype))
    torch.testing.assert_close(between.detach(), start.detach())
    between.sum().backward()
    assert start.grad is not None
    assert start.grad.isfinite().all()


def test_forward_direction_of_a_batch_is_of_unit_length(random_quaternions):
    forward = forward_direction(random_quaternions[0].reshape(20, 10, 4))
    assert forward.shape == (20, 10, 3)
    torch.testing.assert_close(normalize(forward), forward)
