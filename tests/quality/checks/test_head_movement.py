import dataclasses

import pytest
import torch

from vpnet.geometry.rotations import multiply_quaternions, quaternion_from_angles
from vpnet.quality.checking import check_recording


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


@pytest.mark.parametrize(("frozen_s", "is_found"), [(1.9, False), (2.1, True)])
def test_a_head_may_rest_for_two_seconds(recording, with_head, found, frozen_s, is_found):
    orientation_xyzw = recording.head_orientation_xyzw.clone()
    orientation_xyzw[720 : 720 + int(frozen_s * 72)] = orientation_xyzw[719]
    assert ("head_frozen" in found(with_head(orientation_xyzw))) is is_found


@pytest.mark.parametrize(
    ("range_deg", "end_s", "is_found"),
    [(4.9, 60.0, True), (5.1, 60.0, False), (4.9, 20.5, True), (4.9, 19.5, False)],
)
def test_a_head_must_range_over_some_degrees_within_20_seconds(
    recording, with_head, beginning, found, range_deg, end_s, is_found
):
    end = int(end_s * 72)
    # The 5th to the 95th percentile of a steady turn are nine tenths of it.
    yaw_rad = torch.deg2rad(range_deg / 0.9 * torch.arange(recording.samples).double() / end)
    zero = torch.zeros_like(yaw_rad)
    slow = with_head(quaternion_from_angles(yaw_rad, zero, zero))
    assert ("head_still" in found(beginning(slow, end_s))) is is_found


@pytest.mark.parametrize(
    ("jump_deg", "step_s", "is_found"),
    [
        (13, 1 / 72, False),  # 936 degrees a second
        (15, 1 / 72, True),  # 1080
        (4.5, 0.002, False),
        (5.5, 0.002, True),
        (170, 0.09, True),
        (170, 0.11, False),
    ],
)
def test_what_is_a_jump(recording, with_head, found, jump_deg, step_s, is_found):
    after = torch.arange(recording.samples) >= 2000
    yaw_rad = torch.deg2rad(jump_deg * after.double())
    zero = torch.zeros_like(yaw_rad)
    jumped = with_head(quaternion_from_angles(yaw_rad, zero, zero))
    times_s = recording.timestamps_s + (step_s - 1 / 72) * after
    assert ("head_jumps" in found(dataclasses.replace(jumped, timestamps_s=times_s))) is is_found


@pytest.mark.parametrize(("roll_deg", "is_found"), [(28.0, False), (32.0, True)])
def test_a_head_may_lean(recording, with_head, found, roll_deg, is_found):
    leaning = with_head(turned(recording, roll_deg=roll_deg))
    assert ("head_tilted" in found(leaning)) is is_found
