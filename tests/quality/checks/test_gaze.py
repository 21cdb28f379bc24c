import dataclasses

import pytest
import torch

from vpnet.quality.checks.recording import check_recording

ROW_RATE_HZ = 72


def test_lost_gaze_is_found(recording, with_gaze, found):
    seen = recording.gaze_valid & (torch.arange(recording.samples) % 100 >= 30)
    assert "found 67.1% (3092 of 4608)" in found(with_gaze(valid=seen))["gaze_lost"].message


def test_gaze_that_was_never_measured_is_found(recording, with_gaze, found):
    nothing = torch.zeros_like(recording.gaze_valid)
    assert list(found(with_gaze(valid=nothing))) == ["gaze_lost", "tracking_lost"]


def test_lost_tracking_is_found(recording, with_gaze, found):
    seen = recording.gaze_valid.clone()
    seen[1440:1584] = False
    finding = found(with_gaze(valid=seen))["tracking_lost"]
    assert "from 20.0 s to 22.0 s" in finding.message


def test_stuck_gaze_is_found(recording, with_gaze, found):
    gaze = recording.gaze_direction.clone()
    gaze[1460:1510] = gaze[1460]
    finding = found(with_gaze(gaze))["gaze_stuck"]
    assert "from 20.3 s to 21.0 s" in finding.message


def test_rare_gaze_is_found(recording, with_gaze, found):
    rows = torch.arange(recording.samples)
    findings = found(with_gaze(recording.gaze_direction[rows // 8 * 8]))
    assert "9.1 distinct samples a second in 72 rows" in findings["gaze_rate_low"].message


def test_blinks_are_counted_and_lost_tracking_is_not(recording, with_gaze):
    seen = recording.gaze_valid.clone()
    seen[1460:1560] = False
    assert check_recording(with_gaze(valid=seen))[1]["blinks_per_min"] == 15


@pytest.mark.parametrize(("row_rate_hz", "is_found"), [(29, False), (31, True)])
def test_slow_rows_never_meant_to_measure_gaze_fast(recording, found, row_rate_hz, is_found):
    slower = dataclasses.replace(
        recording, timestamps_s=recording.timestamps_s * ROW_RATE_HZ / row_rate_hz
    )
    assert ("gaze_rate_low" in found(slower)) is is_found
