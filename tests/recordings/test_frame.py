import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles, yaw_and_elevation
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles, roll_angle, rotate
from vpnet.recordings.frame import Frame, align_orientation_to_video, align_to_video

ANGLE_DEG = st.floats(-179, 179)
ELEVATION_DEG = st.floats(-85, 85)


def radians(*angles_deg):
    return [torch.tensor(math.radians(angle), dtype=torch.float64) for angle in angles_deg]


@pytest.mark.parametrize(
    ("offset_deg", "mirror", "expected_yaw_deg"),
    [(0, False, 30), (0, True, -30), (100, False, 130), (100, True, 70), (-95, False, -65)],
)
def test_yaw_in_the_frame_of_the_video(offset_deg, mirror, expected_yaw_deg):
    aligned = align_to_video(direction_from_angles(*radians(30, 20)), Frame(offset_deg, mirror))
    yaw_rad, elevation_rad = yaw_and_elevation(aligned)
    assert math.degrees(yaw_rad) == pytest.approx(expected_yaw_deg)
    assert math.degrees(elevation_rad) == pytest.approx(20)


@settings(max_examples=50, deadline=None)
@given(ANGLE_DEG, ELEVATION_DEG, ANGLE_DEG, ANGLE_DEG, st.booleans())
def test_orientation_points_where_the_aligned_center_is(yaw, elevation, roll, offset, mirror):
    orientation_xyzw = quaternion_from_angles(*radians(yaw, elevation, roll))
    aligned_xyzw = align_orientation_to_video(orientation_xyzw, Frame(offset, mirror))
    torch.testing.assert_close(aligned_xyzw.norm(), torch.tensor(1.0).double())
    torch.testing.assert_close(
        forward_direction(aligned_xyzw),
        align_to_video(forward_direction(orientation_xyzw), Frame(offset, mirror)),
    )


@settings(max_examples=50, deadline=None)
@given(ANGLE_DEG, ELEVATION_DEG, ANGLE_DEG, ANGLE_DEG, ELEVATION_DEG)
def test_mirrored_rotation_turns_mirrored_vectors(yaw, elevation, roll, other_yaw, other_elevation):
    orientation_xyzw = quaternion_from_angles(*radians(yaw, elevation, roll))
    vector = direction_from_angles(*radians(other_yaw, other_elevation))
    mirrored_xyzw = align_orientation_to_video(orientation_xyzw, Frame(mirror=True))
    torch.testing.assert_close(
        rotate(mirrored_xyzw, align_to_video(vector, Frame(mirror=True))),
        align_to_video(rotate(orientation_xyzw, vector), Frame(mirror=True)),
    )


def test_mirror_reverses_yaw_and_roll_only():
    mirrored = align_orientation_to_video(
        quaternion_from_angles(*radians(40, 15, 10)), Frame(mirror=True)
    )
    torch.testing.assert_close(mirrored, quaternion_from_angles(*radians(-40, 15, -10)))
    assert math.degrees(roll_angle(mirrored)) == pytest.approx(-10)


def test_nothing_to_align_changes_nothing():
    direction = direction_from_angles(*radians(40, 15))
    assert torch.equal(align_to_video(direction, Frame()), direction)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"video_yaw_offset_deg": math.nan}, "video_yaw_offset_deg must be a number .* got nan"),
        ({"video_yaw_offset_deg": 361}, "video_yaw_offset_deg must be a number from -360 to 360"),
        ({"mirror": "flase"}, "mirror must be true or false, got 'flase'"),
    ],
)
def test_a_frame_that_cannot_be_is_refused(setting, message):
    with pytest.raises(InputError, match=message):
        Frame(**setting)
