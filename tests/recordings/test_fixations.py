import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.recordings.fixations import detect_fixations

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
    # Distinct samples lie 2 rows apart: 0.1 degrees is 3.6 deg/s, 5 degrees 180 deg/s.
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
