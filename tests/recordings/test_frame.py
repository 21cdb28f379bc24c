import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles, yaw_and_elevation
from vpnet.geometry.rotations import (
    IDENTITY_XYZW,
    forward_direction,
    quaternion_from_angles,
    roll_angle,
    rotate,
)
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import (
    Frame,
    agreeing_orientation,
    align_orientation_to_video,
    align_to_video,
)

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


ROWS = 5
ALL = torch.ones(ROWS, dtype=torch.bool)


@pytest.fixture
def orientation_xyzw() -> torch.Tensor:
    yaw_rad = torch.deg2rad(10 * torch.arange(ROWS, dtype=torch.float64))
    return quaternion_from_angles(yaw_rad, torch.zeros_like(yaw_rad), torch.ones_like(yaw_rad))


def test_quaternions_that_point_where_the_head_does_are_kept(orientation_xyzw):
    findings: list[Finding] = []
    center = forward_direction(orientation_xyzw)
    kept = agreeing_orientation(orientation_xyzw, ALL, center, ALL, findings, file="f")
    assert kept is not None
    torch.testing.assert_close(kept, orientation_xyzw)
    assert findings == []


def test_no_quaternion_is_needed_where_the_head_was_lost(orientation_xyzw):
    center = forward_direction(orientation_xyzw)
    head_valid = ALL.clone()
    head_valid[2] = False
    center[2] = torch.tensor([0.0, 0.0, 1.0])
    kept = agreeing_orientation(orientation_xyzw, head_valid, center, head_valid, [], file="f")
    assert kept is not None
    assert kept[2].tolist() == list(IDENTITY_XYZW)


def test_a_missing_or_a_disagreeing_one_leaves_all_out(orientation_xyzw):
    center = forward_direction(orientation_xyzw)
    measured = ALL.clone()
    measured[1] = False
    findings: list[Finding] = []
    assert agreeing_orientation(orientation_xyzw, measured, center, ALL, findings, file="f") is None
    assert "found 1 missing" in findings[0].message
    bent = quaternion_from_angles(*torch.deg2rad(torch.tensor([[1.0], [0.0], [0.0]]))).double()
    center[:1] = forward_direction(bent)
    assert agreeing_orientation(orientation_xyzw, ALL, center, ALL, findings, file="f") is None
    assert "up to 1 degrees" in findings[1].found
    assert findings[1].rows == 1
    kept = agreeing_orientation(
        orientation_xyzw, ALL, center, ALL, [], file="f", max_disagreement_deg=1.1
    )
    assert kept is not None
