import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    yaw_and_elevation,
)
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles, roll_angle, rotate
from vpnet.readers.nasrabadi_mmsys19 import (
    VIDEO_ROTATION_DEG,
    orientation_in_world,
    read_nasrabadi_mmsys19,
)
from vpnet.recordings.frame import Frame

ROWS = 30
YAW_DEG = torch.arange(ROWS, dtype=torch.float64)
ELEVATION_DEG, ROLL_DEG = 20.0, 10.0


def made_up_lines(bend_deg: float = 0.0) -> list[str]:
    """A head that turns right, 20 degrees up, rolled by 10; ``bend_deg`` parts the quaternion."""
    ones = torch.ones_like(YAW_DEG)
    elevation, roll = torch.deg2rad(ELEVATION_DEG * ones), torch.deg2rad(ROLL_DEG * ones)
    center = direction_from_angles(torch.deg2rad(YAW_DEG), elevation)
    world = quaternion_from_angles(torch.deg2rad(YAW_DEG + bend_deg), elevation, roll)
    recorded = orientation_in_world(world)  # its own inverse, up to the sign
    rows = torch.cat((YAW_DEG.unsqueeze(1) / 60, recorded, center), dim=1)
    return [",".join(f"{value:.7g}" for value in row) for row in rows.tolist()]


def written(folder: Path, lines: list[str], name: str = "2PG1QX/2PG1QX_1.csv") -> Path:
    path = folder / "Traces" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return folder


def angle(low: float, high: float) -> st.SearchStrategy[Tensor]:
    return st.floats(low, high).map(lambda value: torch.tensor(value, dtype=torch.float64))


@settings(max_examples=50, deadline=None)
@given(
    recorded=st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(
        lambda values: math.hypot(*values) > 0.1
    )
)
def test_the_orientation_points_along_the_vector_that_these_files_have(recorded):
    """The vector of the files is (-x, y, -z) of where the recorded quaternion turns -z."""
    recorded_xyzw = torch.nn.functional.normalize(
        torch.tensor(recorded, dtype=torch.float64), dim=0
    )
    looks = rotate(recorded_xyzw, torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64))
    vector = looks * torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64)
    found = forward_direction(orientation_in_world(recorded_xyzw))
    torch.testing.assert_close(found, vector, atol=1e-9, rtol=0)


@settings(max_examples=50, deadline=None)
@given(yaw=angle(-3, 3), elevation=angle(-1.4, 1.4), roll=angle(-3, 3))
def test_a_roll_about_the_line_of_sight_keeps_its_sense(yaw, elevation, roll):
    """Built from turns in the recorded frame: x to the left, y up, looking along -z."""
    half = roll / 2
    zero = torch.zeros_like(half)
    # About the line of sight, -z, from x (left) towards y (up) is from the right downwards.
    rolled_xyzw = torch.stack((zero, zero, -torch.sin(half), torch.cos(half)))
    level_xyzw = quaternion_from_angles(yaw, elevation, zero)
    world_xyzw = quaternion_from_angles(yaw, elevation, roll)
    recorded_xyzw = torch.stack((-level_xyzw[0], level_xyzw[1], -level_xyzw[2], level_xyzw[3]))
    up = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    up_recorded = rotate(recorded_xyzw, rotate(rolled_xyzw, up))
    up_world = up_recorded * torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(rotate(world_xyzw, up), up_world, atol=1e-9, rtol=0)


def test_lines_give_the_direction_and_the_roll(tmp_path):
    (recording,) = read_nasrabadi_mmsys19(written(tmp_path, made_up_lines()))
    assert (recording.user_id, recording.video_id) == ("2PG1QX", "1")
    torch.testing.assert_close(recording.timestamps_s, YAW_DEG / 60, atol=1e-6, rtol=0)
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center)
    torch.testing.assert_close(torch.rad2deg(yaw_rad), YAW_DEG, atol=1e-4, rtol=0)
    assert torch.rad2deg(elevation_rad).tolist() == pytest.approx([ELEVATION_DEG] * ROWS, abs=1e-4)
    assert recording.head_orientation_xyzw is not None
    roll_deg = torch.rad2deg(roll_angle(recording.head_orientation_xyzw))
    assert roll_deg.tolist() == pytest.approx([ROLL_DEG] * ROWS, abs=1e-3)
    assert recording.gaze_direction is None


@pytest.mark.parametrize(("video", "rotation_deg"), VIDEO_ROTATION_DEG.items())
def test_turned_videos_are_turned_back_before_the_settings_apply(tmp_path, video, rotation_deg):
    root = written(tmp_path, made_up_lines(), f"U/U_{video}.csv")
    (plain,) = read_nasrabadi_mmsys19(root)
    (moved,) = read_nasrabadi_mmsys19(root, frame=Frame(mirror=True, video_yaw_offset_deg=30))
    for recording, expected_deg in ((plain, -rotation_deg), (moved, rotation_deg + 30)):
        yaw_deg = math.degrees(yaw_and_elevation(recording.viewport_center[0])[0])
        assert math.remainder(yaw_deg - expected_deg, 360) == pytest.approx(0, abs=1e-4)


def test_a_quaternion_that_points_elsewhere_is_left_out(tmp_path):
    root = written(tmp_path, made_up_lines(bend_deg=2))
    (checked,) = read_nasrabadi_mmsys19(root).checked()
    (finding,) = [one for one in checked.findings if one.code == "orientation_left_out"]
    assert "up to 1.88 degrees" in finding.found
    assert checked.recording is not None
    assert checked.recording.head_orientation_xyzw is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0.05,0,0,0,1,0,0.9,0", r"line 4: a line must be t,qx,.* length 1, found 0.05,0,0,0,1,0"),
        ("0.05,0,0,0,one,0,0,1", r"line 4: .* found 0.05,0,0,0,one"),
        ("0.05,0,0,0,1,0,0", r"line 4: .* found 0.05,0,0,0,1,0,0,"),
        ("-9,0,0,0,1,0,0,1", r"line 4: playback time must not step back"),
        ("0.05,0,0,0,1,0,0,1,7", r"cannot be read so"),
    ],
)
def test_bad_lines_are_refused(tmp_path, line, message):
    lines = made_up_lines()
    root = written(tmp_path, [*lines[:3], line, *lines[4:]])
    with pytest.raises(InputError, match=message):
        list(read_nasrabadi_mmsys19(root))


def test_other_names_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must be named USER_VIDEO.csv"):
        read_nasrabadi_mmsys19(written(tmp_path, made_up_lines(), "U/notes.csv"))


def test_quaternion_and_vector_of_original_files_agree(shared):
    root = shared / "data" / "raw_samples" / "Nasrabadi_MMSys_19"
    recordings = list(read_nasrabadi_mmsys19(root))
    names = [(recording.user_id, recording.video_id) for recording in recordings]
    assert names == [("2PG1QX", "1"), ("2PG1QX", "10"), ("VDRFDG", "1"), ("VDRFDG", "11")]
    for recording in recordings:
        assert recording.head_orientation_xyzw is not None
        points = forward_direction(recording.head_orientation_xyzw)
        apart_rad = great_circle_distance(points, recording.viewport_center)
        assert torch.rad2deg(apart_rad).max() < 0.02
        assert recording.duration_s == pytest.approx(60, abs=0.1)


def test_the_original_of_a_turned_video_began_in_front_as_it_was_shown(shared):
    root = shared / "data" / "raw_samples" / "Nasrabadi_MMSys_19" / "Traces" / "2PG1QX"
    plain, turned = read_nasrabadi_mmsys19(root)
    for recording, expected_deg in ((plain, 0.0), (turned, 95.0)):
        yaw_deg = math.degrees(yaw_and_elevation(recording.viewport_center[0])[0])
        assert yaw_deg == pytest.approx(expected_deg, abs=5)
