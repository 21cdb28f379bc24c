import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.quality.checks.found import (
    describe,
    held_samples,
    rows_in,
    runs_where,
    sample_durations_s,
    still_runs,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), max_size=30))
def test_runs_cover_exactly_the_mask(mask):
    runs = runs_where(torch.tensor(mask, dtype=torch.bool))
    covered = [row for first, last in runs.tolist() for row in range(first, last + 1)]
    assert covered == [row for row, is_set in enumerate(mask) if is_set]
    assert all(later[0] > earlier[1] + 1 for earlier, later in zip(runs, runs[1:], strict=False))
    assert rows_in(runs) == len(covered)


def test_held_samples_end_at_gaps_and_lost_samples():
    timestamps_s = torch.tensor([0.0, 0.1, 0.2, 0.3, 1.3, 1.4], dtype=torch.float64)
    values = torch.ones(6, 3, dtype=torch.float64)
    valid = torch.tensor([True, True, False, True, True, True])
    held = held_samples(timestamps_s, values, valid)
    assert held.tolist() == [False, True, False, False, False, True]


def test_still_runs_include_the_sample_that_is_held():
    timestamps_s = torch.arange(10, dtype=torch.float64) / 10
    held = torch.tensor([False, True, True, False, True, True, True, True, False, False])
    assert still_runs(timestamps_s, held, 0.35).tolist() == [[3, 7]]


def test_no_sample_stands_for_a_gap():
    durations_s = sample_durations_s(torch.tensor([0.0, 0.1, 0.2, 5.2, 5.3], dtype=torch.float64))
    torch.testing.assert_close(durations_s, torch.full((5,), 0.1, dtype=torch.float64))


def test_one_run_is_described_by_its_span():
    timestamps_s = torch.arange(5, dtype=torch.float64)
    assert describe(timestamps_s, torch.tensor([[1, 3]])) == "from 1.0 s to 3.0 s"


@pytest.mark.parametrize(("percent_lost", "is_found"), [(19, False), (21, True)])
def test_a_fifth_of_a_stream_may_be_lost(recording, with_gaze, found, percent_lost, is_found):
    seen = torch.arange(recording.samples) % 100 >= percent_lost
    gaze = recording.viewport_center
    assert ("gaze_lost" in found(with_gaze(gaze, seen))) is is_found
    assert ("face_lost" in found(dataclasses.replace(recording, face_valid=seen))) is is_found


def test_the_share_that_was_measured_can_be_told_from_the_limit(recording, with_gaze, found):
    lost = recording.samples // 5 + 1
    seen = torch.arange(recording.samples) >= lost
    message = found(with_gaze(recording.viewport_center, seen))["gaze_lost"].message
    assert f"in 80% of the samples, found 80.0% ({4608 - lost} of 4608)" in message
