import math

import pytest
import torch

from vpnet.geometry.directions import direction_from_angles, yaw_and_elevation
from vpnet.quality.checking import check
from vpnet.recordings.assembly import assembled_recording
from vpnet.recordings.findings import RULES
from vpnet.recordings.frame import Frame

ROWS = 40
TIMES_S = torch.arange(ROWS, dtype=torch.float64) / 10
CENTER = direction_from_angles(torch.deg2rad(3 * torch.arange(ROWS)).double(), torch.zeros(ROWS))


def test_a_plain_recording_has_no_findings():
    checked = check(assembled_recording("u", "v", "file", TIMES_S, CENTER, Frame(), first_line=1))
    assert (checked.user_id, checked.video_id, checked.source) == ("u", "v", "file")
    assert checked.findings == ()
    assert checked.measurements["rows"] == ROWS
    assert checked.recording is not None
    assert checked.recording.head_valid.all()


def test_findings_of_the_reader_the_clock_and_the_checks_follow_each_other():
    times_s = TIMES_S.clone()
    times_s[5] = times_s[4]
    times_s[20:] += 2
    earlier = RULES["face_unreadable"].broken("made up")
    read = assembled_recording(
        "u", "v", "file", times_s, CENTER, Frame(), first_line=3, findings=[earlier]
    )
    checked = check(read)
    codes = [finding.code for finding in checked.findings]
    assert codes == ["face_unreadable", "playback_repeats", "playback_gaps"]
    assert checked.findings[1].lines == ((8, 8),)
    assert checked.recording is not None
    assert checked.recording.samples == ROWS - 1


def test_too_few_rows_are_a_finding():
    checked = assembled_recording("u", "v", "file", TIMES_S[:1], CENTER[:1], Frame(), first_line=1)
    assert checked.recording is None
    (finding,) = checked.findings
    assert finding.code == "unreadable"
    assert finding.message.startswith("file: a recording needs at least 2 samples, found 1")


def test_the_mirror_comes_before_the_turn():
    frame = Frame(video_yaw_offset_deg=90, mirror=True)
    checked = assembled_recording("u", "v", "file", TIMES_S, CENTER, frame, first_line=1)
    assert checked.recording is not None
    yaw_rad, _ = yaw_and_elevation(checked.recording.viewport_center)
    assert math.degrees(yaw_rad[10]) == pytest.approx(60)


def test_gaze_is_lost_where_the_head_is():
    head_valid = torch.ones(ROWS, dtype=torch.bool)
    head_valid[3] = False
    checked = assembled_recording(
        "u",
        "v",
        "file",
        TIMES_S,
        CENTER,
        Frame(),
        first_line=1,
        head_valid=head_valid,
        gaze_direction=CENTER,
    )
    assert checked.recording is not None
    assert checked.recording.gaze_valid is not None
    assert torch.nonzero(~checked.recording.gaze_valid).squeeze(-1).tolist() == [3]


def test_gaze_that_is_masked_is_not_called_lost():
    checked = assembled_recording(
        "u",
        "v",
        "file",
        TIMES_S,
        CENTER,
        Frame(video_yaw_offset_deg=90, mirror=True),
        first_line=1,
        gaze_direction=-CENTER,
    )
    assert checked.recording is not None
    assert checked.recording.gaze_valid is not None
    assert not checked.recording.gaze_valid.any()
    (finding,) = check(checked).findings
    assert finding.code == "offsets_beyond_reach"
    assert f"(masked by max_gaze_offset_deg: {ROWS} of {ROWS})" in finding.message
