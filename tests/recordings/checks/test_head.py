import dataclasses

import pytest
import torch

from vpnet.geometry.rotations import multiply_quaternions, quaternion_from_angles
from vpnet.recordings.checks.recording import check_recording


def turned(recording, yaw_deg=0.0, elevation_deg=0.0, roll_deg=0.0):
    """The head's orientation after turning about its own axes."""
    angles = (torch.tensor(angle, dtype=torch.float64) for angle in (yaw_deg, elevation_deg))
    turn = quaternion_from_angles(
        *(torch.deg2rad(angle) for angle in angles),
        torch.deg2rad(torch.tensor(roll_deg, dtype=torch.float64)),
    )
    return multiply_quaternions(recording.head_orientation_xyzw, turn)


def test_a_frozen_head_is_found(recording, with_head, found):
    orientation_xyzw = recording.head_orientation_xyzw.clone()
    orientation_xyzw[720:900] = orientation_xyzw[719]
    finding = found(with_head(orientation_xyzw))["head_frozen"]
    assert "from 10.0 s to 12.5 s" in finding.message
    assert finding.rows == 181


def test_a_head_that_lies_still_is_found(recording, with_head, found):
    times_s = recording.timestamps_s
    tremor_rad = 0.001 * torch.sin(5 * times_s)
    assert list(found(with_head(quaternion_from_angles(tremor_rad, tremor_rad, tremor_rad)))) == [
        "head_still"
    ]


def test_a_short_recording_may_be_still(recording, found):
    names = ("timestamps_s", "viewport_center", "head_valid")
    beginning = {name: getattr(recording, name)[:72] for name in names}
    short = type(recording)("P1", "v", "P1/v", **beginning)
    assert found(short) == {}


def test_a_jump_is_found(recording, with_head, found):
    orientation_xyzw = recording.head_orientation_xyzw.clone()
    orientation_xyzw[2000:] = turned(recording, yaw_deg=60.0)[2000:]
    finding = found(with_head(orientation_xyzw))["head_jumps"]
    assert "found 60 degrees within 14 ms at 27.8 s (jumps: 1)" in finding.message


def test_no_jump_is_seen_across_a_gap(recording, with_head, found):
    orientation_xyzw = recording.head_orientation_xyzw.clone()
    orientation_xyzw[2000:] = turned(recording, yaw_deg=60.0)[2000:]
    one = with_head(orientation_xyzw)
    after = torch.arange(one.samples) >= 2000
    parted = dataclasses.replace(one, timestamps_s=one.timestamps_s + 0.2 * after)
    assert found(parted) == {}


@pytest.mark.parametrize("angles", [{"roll_deg": 60.0}, {"elevation_deg": 60.0}])
def test_a_tilted_head_is_found(recording, with_head, found, angles):
    assert list(found(with_head(turned(recording, **angles)))) == ["head_tilted"]


def test_a_head_that_was_lost_throughout_is_not_judged(recording, with_head):
    lost = dataclasses.replace(
        with_head(recording.head_orientation_xyzw), head_valid=~recording.head_valid
    )
    findings, measurements = check_recording(lost)
    assert findings == []
    assert "head_yaw_range_deg" not in measurements


def test_speed_is_that_of_the_head(recording, with_head):
    yaw_rad = torch.deg2rad(30 * recording.timestamps_s)
    zero = torch.zeros_like(yaw_rad)
    measured = check_recording(with_head(quaternion_from_angles(yaw_rad, zero, zero)))[1]
    assert measured["head_speed_median_deg_s"] == pytest.approx(30, abs=0.01)
    assert measured["head_yaw_range_deg"] == pytest.approx(0.9 * 30 * 64, rel=0.01)
