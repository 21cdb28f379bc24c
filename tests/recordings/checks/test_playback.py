import dataclasses

import torch


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
