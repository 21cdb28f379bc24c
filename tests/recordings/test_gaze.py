import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    yaw_and_elevation,
)
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles, rotate
from vpnet.recordings.gaze import (
    GazeRules,
    detect_fixations,
    eye_in_head_offset_deg,
    gaze_streams,
    measured_gaze,
)
from vpnet.recordings.recording import Recording


def radians(*angles_deg):
    return [torch.tensor([math.radians(angle)], dtype=torch.float64) for angle in angles_deg]


@pytest.mark.parametrize("side", [-1, 1])
def test_recorded_row_whose_own_offset_is_wrong(side):
    """The worked row: the headset wrote 54.62 degrees, hypot(14.09, -52.77), where about 18 is."""
    head_xyzw = torch.tensor([[-0.17, 0.11, -0.05, -0.98]], dtype=torch.float64)
    head_xyzw = head_xyzw / head_xyzw.norm()
    head_yaw_rad, head_elevation_rad = yaw_and_elevation(forward_direction(head_xyzw))
    # The quaternion's two decimals leave it half a degree from the recorded EulerPitch, 20.18.
    assert math.degrees(head_elevation_rad.item()) == pytest.approx(-20.18, abs=0.6)
    relative_h_deg = math.sqrt(54.62**2 - 52.77**2)
    gaze = direction_from_angles(
        head_yaw_rad + side * math.radians(relative_h_deg), radians(-32.41)[0]
    )
    horizontal, vertical, magnitude = eye_in_head_offset_deg(head_xyzw, gaze)[0].tolist()
    assert magnitude == pytest.approx(18.0, abs=1.0)
    assert math.copysign(1, horizontal) == side
    assert vertical < -7


@pytest.mark.parametrize(
    ("gaze_deg", "expected_deg"),
    [
        ((90, 0), (0, 0, 0)),
        ((100, 0), (10, 0, 10)),
        ((75, 0), (-15, 0, 15)),
        ((90, 20), (0, 20, 20)),
        ((90, -30), (0, -30, 30)),
    ],
    ids=["ahead", "right", "left", "up", "down"],
)
def test_signs_of_the_offset(gaze_deg, expected_deg):
    head_xyzw = quaternion_from_angles(*radians(90, 0, 0))
    offset_deg = eye_in_head_offset_deg(head_xyzw, direction_from_angles(*radians(*gaze_deg)))
    expected = torch.tensor([expected_deg], dtype=torch.float64)
    torch.testing.assert_close(offset_deg, expected, atol=1e-9, rtol=0)


ANGLE = st.floats(-85, 85)


@settings(max_examples=50, deadline=None)
@given(st.floats(-180, 180), ANGLE, st.floats(-180, 180), ANGLE, ANGLE)
def test_offset_is_that_of_the_eyes_in_any_head(yaw, elevation, roll, horizontal, vertical):
    head_xyzw = quaternion_from_angles(*radians(yaw, elevation, roll))
    eye_in_head = direction_from_angles(*radians(horizontal, vertical))
    gaze = rotate(head_xyzw, eye_in_head)
    offset_deg = eye_in_head_offset_deg(head_xyzw, gaze)[0]
    magnitude_rad = great_circle_distance(gaze, forward_direction(head_xyzw))
    expected = torch.tensor([horizontal, vertical, math.degrees(magnitude_rad.item())])
    torch.testing.assert_close(offset_deg, expected.double(), atol=1e-5, rtol=0)


def four_samples(offsets_deg=(0.0, 10.0, 50.0, 80.0)):
    """Clock, a head that looks forward, and gaze to its right."""
    zero = torch.zeros(len(offsets_deg), dtype=torch.float64)
    gaze_yaw_rad = torch.deg2rad(torch.tensor(offsets_deg, dtype=torch.float64))
    return (
        torch.arange(len(offsets_deg), dtype=torch.float64) / 36,
        direction_from_angles(zero, zero),
        direction_from_angles(gaze_yaw_rad, zero),
        torch.ones(len(offsets_deg), dtype=torch.bool),
    )


def test_streams_make_a_recording():
    timestamps_s, center, gaze, valid = four_samples()
    recording = Recording(
        user_id="u",
        video_id="v",
        source="test",
        timestamps_s=timestamps_s,
        viewport_center=center,
        head_valid=valid,
        **gaze_streams(timestamps_s, center, None, measured_gaze(gaze, valid)),
    )
    assert recording.gaze_valid.tolist() == [True, True, True, False]
    assert recording.gaze_offset_deg[:3, 0].tolist() == pytest.approx([0, 10, 50])


@pytest.mark.parametrize(
    ("limit_deg", "expected"),
    [(None, [1, 1, 1, 1]), (60.0, [1, 1, 1, 0]), (45.0, [1, 1, 0, 0])],
)
def test_offsets_beyond_the_limit_are_marked(limit_deg, expected):
    timestamps_s, center, gaze, valid = four_samples()
    streams = gaze_streams(
        timestamps_s, center, None, measured_gaze(gaze, valid), GazeRules(limit_deg)
    )
    assert streams["gaze_valid"].int().tolist() == expected


@pytest.mark.parametrize(
    "vector", [(0.0, 0.0, 0.0), (math.nan, 0.0, 1.0), (0.0, 0.0, math.inf), (0.0, 0.0, 0.9)]
)
def test_what_is_no_direction_is_marked_and_holds_the_center(vector):
    timestamps_s, center, gaze, valid = four_samples()
    gaze[1] = torch.tensor(vector)
    streams = gaze_streams(timestamps_s, center, None, measured_gaze(gaze, valid), GazeRules(None))
    assert streams["gaze_valid"].tolist() == [True, False, True, True]
    assert torch.equal(streams["gaze_direction"][1], center[1])
    assert torch.equal(streams["gaze_offset_deg"][1], torch.zeros(3, dtype=torch.float64))
    assert all(stream.isfinite().all() for stream in streams.values())


def test_gaze_rounded_to_two_decimals_is_scaled_to_unit_length():
    timestamps_s, center, gaze, valid = four_samples((0.0, 10.0, 20.0, 40.0))
    streams = gaze_streams(
        timestamps_s, center, None, measured_gaze(gaze.mul(100).round().div(100), valid)
    )
    assert streams["gaze_valid"].all()
    length = streams["gaze_direction"].norm(dim=-1)
    torch.testing.assert_close(length, torch.ones_like(length))


def test_without_orientation_the_head_is_upright():
    head_xyzw = quaternion_from_angles(*radians(30, 25, 0)).expand(3, 4)
    center = forward_direction(head_xyzw)
    gaze = rotate(head_xyzw, direction_from_angles(*radians(12, -8))).expand(3, 3)
    clock_s, valid = torch.arange(3.0), torch.ones(3, dtype=torch.bool)
    measured = measured_gaze(gaze, valid)
    with_orientation = gaze_streams(clock_s, center, head_xyzw, measured)
    without = gaze_streams(clock_s, center, None, measured)
    torch.testing.assert_close(without["gaze_offset_deg"], with_orientation["gaze_offset_deg"])
    assert without["gaze_offset_deg"][0, :2].tolist() == pytest.approx([12, -8])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"max_gaze_offset_deg": 0}, "max_gaze_offset_deg must be a number above 0 .* null, got 0"),
        ({"velocity_threshold_deg_s": -1.0}, "velocity_threshold_deg_s must be .* above 0, got -1"),
        ({"velocity_threshold_deg_s": None}, "velocity_threshold_deg_s must be .* got None"),
    ],
)
def test_rules_that_no_gaze_could_keep_are_refused(rule, message):
    with pytest.raises(InputError, match=message):
        GazeRules(**rule)


def test_measured_gaze_is_what_the_source_measured_near_or_far():
    _, _, gaze, valid = four_samples((0.0, 10.0, 80.0, 180.0))
    gaze[1] *= 0.5
    valid[0] = False
    measured = measured_gaze(0.99 * gaze, valid)
    assert measured.isfinite().all(dim=-1).tolist() == [False, False, True, True]
    torch.testing.assert_close(measured[2:], gaze[2:])
    torch.testing.assert_close(measured[:2], torch.full((2, 3), torch.nan).double(), equal_nan=True)


ROW_S = 1 / 72
YAWS_DEG = st.lists(st.floats(-60, 60), min_size=3, max_size=30)


def gaze_at(yaw_deg):
    yaw_rad = torch.deg2rad(torch.tensor(yaw_deg, dtype=torch.float64))
    return direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad))


def rows_at_72_hz(rows):
    return torch.arange(rows, dtype=torch.float64) * ROW_S


def detect(yaw_deg, valid=None, timestamps_s=None, **settings):
    timestamps_s = rows_at_72_hz(len(yaw_deg)) if timestamps_s is None else timestamps_s
    valid = [True] * len(yaw_deg) if valid is None else valid
    return detect_fixations(timestamps_s, gaze_at(yaw_deg), torch.tensor(valid), **settings)


def test_held_rows_take_the_state_of_their_measurement():
    # Distinct samples are 2 rows apart: 0.1 degrees is 3.6 deg/s, 5 degrees 180 deg/s.
    is_fixating, duration_s = detect([0.0, 0.0, 0.1, 0.1, 0.2, 0.2, 5.2, 5.2, 5.3, 5.3])
    assert is_fixating.int().tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 1, 1]
    age_rows = torch.tensor([0, 0, 0, 1, 2, 3, 0, 0, 0, 1], dtype=torch.float64)
    torch.testing.assert_close(duration_s, age_rows * ROW_S)


def test_a_held_sample_is_no_fixation_by_being_held():
    # 5 degrees every 3 rows is 120 deg/s; a comparison of neighbouring rows calls 2 of 3 fixations.
    is_fixating, duration_s = detect([5.0 * (row // 3) for row in range(30)])
    assert not is_fixating.any()
    assert (duration_s == 0).all()


@pytest.mark.parametrize(("step_deg", "fixates"), [(0.80, True), (0.86, False)])
def test_threshold_applies_between_distinct_samples(step_deg, fixates):
    # Two rows of 1/72 s: 0.80 degrees is 28.8 deg/s, 0.86 is 31.0.
    is_fixating, _ = detect([step_deg * (row // 2) for row in range(20)])
    assert is_fixating[2:].all() == fixates
    assert is_fixating[2:].any() == fixates


def test_threshold_is_a_setting():
    yaw_deg = [0.86 * (row // 2) for row in range(20)]
    assert detect(yaw_deg, velocity_threshold_deg_s=32.0)[0][2:].all()


def test_invalid_gaze_ends_a_fixation():
    valid = [True] * 10 + [False] * 2 + [True] * 4
    yaw_deg = [0.01 * (row // 2) for row in range(16)]
    is_fixating, duration_s = detect(yaw_deg, valid)
    assert is_fixating.int().tolist() == [0, 0] + [1] * 8 + [0] * 4 + [1] * 2
    assert duration_s[14] == 0, "the fixation after the blink is a new one"


def test_invalid_gaze_that_is_not_a_number_stays_outside():
    gaze = gaze_at([0.0, 0.1, 0.2, 0.3])
    gaze[1] = torch.nan
    is_fixating, duration_s = detect_fixations(
        rows_at_72_hz(4), gaze, torch.tensor([True, False, True, True])
    )
    assert is_fixating.tolist() == [False, False, False, True]
    assert duration_s.isfinite().all()


def test_saccade_after_a_long_still_gaze_is_not_slow():
    # 10 degrees over the whole still second would be 10 deg/s; it took one row.
    is_fixating, _ = detect([0.0] * 72 + [10.0] * 2)
    assert not is_fixating[72:].any()
    assert is_fixating[10:72].all(), "gaze that stays is measured again and found the same"


def test_a_gap_of_the_clock_ends_a_fixation():
    timestamps_s = rows_at_72_hz(20)
    timestamps_s[10:] += 2.0
    is_fixating, duration_s = detect([0.01 * row for row in range(20)], timestamps_s=timestamps_s)
    assert is_fixating.tolist() == [False] + [True] * 9 + [False] + [True] * 9
    assert duration_s.max() < 0.2


@settings(max_examples=30, deadline=None)
@given(YAWS_DEG, st.data())
def test_the_past_does_not_depend_on_the_future(yaw_deg, data):
    valid = data.draw(st.lists(st.booleans(), min_size=len(yaw_deg), max_size=len(yaw_deg)))
    known = data.draw(st.integers(2, len(yaw_deg)))
    whole = detect(yaw_deg, valid)
    part = detect(yaw_deg[:known], valid[:known])
    assert torch.equal(whole[0][:known], part[0])
    assert torch.equal(whole[1][:known], part[1])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=3, max_size=30), st.sampled_from([2, 3]))
def test_holding_adds_no_fixation(steps, rows_per_sample):
    # Whole steps of 0.23 degrees keep clear of the threshold at both rates.
    yaw_deg = [0.23 * sum(steps[: i + 1]) for i in range(len(steps))]
    timestamps_s = rows_at_72_hz(len(yaw_deg)) * rows_per_sample
    distinct, _ = detect(yaw_deg, timestamps_s=timestamps_s)
    held, _ = detect([yaw for yaw in yaw_deg for _ in range(rows_per_sample)])
    assert torch.equal(held, distinct.repeat_interleave(rows_per_sample))


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan])
def test_threshold_must_be_positive(threshold):
    with pytest.raises(InputError, match="velocity_threshold_deg_s must be a number above 0"):
        detect([0.0, 1.0], velocity_threshold_deg_s=threshold)
