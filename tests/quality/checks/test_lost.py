"""How much of a stream may be lost."""

import dataclasses

import pytest
import torch


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
