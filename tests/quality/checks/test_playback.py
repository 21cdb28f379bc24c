import dataclasses

import pytest
import torch

from vpnet.dataset.task import Task
from vpnet.recordings.resampling import resample


def test_a_gap_is_found(recording, found):
    shift_s = torch.where(recording.timestamps_s > 20, 0.8, 0.0)
    gap = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + shift_s)
    assert "found 0.81 s after 20.0 s of playback (gaps: 1)" in found(gap)["playback_gaps"].message


def test_a_slow_recording_has_no_gaps(recording, found):
    slow = dataclasses.replace(recording, timestamps_s=recording.timestamps_s * 20)
    assert "playback_gaps" not in found(slow)


def test_a_late_start_is_found(recording, found):
    late = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + 3)
    assert list(found(late)) == ["starts_late"]


@pytest.mark.parametrize(("gap_s", "is_found"), [(0.55, False), (0.65, True)])
def test_a_gap_in_a_slow_recording_is_three_steps(recording, found, gap_s, is_found):
    step_s = 0.2
    slow_s = torch.arange(recording.samples) * step_s
    slow_s[2000:] += gap_s - step_s
    slow = dataclasses.replace(recording, timestamps_s=slow_s.double())
    assert ("playback_gaps" in found(slow)) is is_found


@pytest.mark.parametrize(("first_s", "is_found"), [(0.95, False), (1.05, True)])
def test_a_second_is_no_late_start(recording, found, first_s, is_found):
    later = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + first_s)
    assert ("starts_late" in found(later)) is is_found


def test_what_a_gap_costs_is_said_with_the_defaults_of_the_task(recording, found):
    shift_s = torch.where(recording.timestamps_s > 20, 0.4, 0.0)
    gap = dataclasses.replace(recording, timestamps_s=recording.timestamps_s + shift_s)
    bridged_s = Task.max_head_gap_s
    assert f"({bridged_s:g} s by default)" in found(gap)["playback_gaps"].meaning
    assert resample(gap, 10.0, max_head_gap_s=bridged_s).head_valid.all()
