import dataclasses

import pytest
import torch

from vpnet.geometry.directions import wrap_angle, yaw_and_elevation
from vpnet.quality.checking import check_recording
from vpnet.recordings.findings import Severity
from vpnet.recordings.gaze import gaze_streams, measured_gaze

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


@pytest.fixture
def offset_deg(recording):
    """The true offsets: horizontal, vertical."""
    return recording.gaze_offset_deg[:, 0], recording.gaze_offset_deg[:, 1]


@pytest.mark.parametrize(
    ("every", "severity"), [(400, Severity.NOTE), (20, Severity.WARNING), (4000, None)]
)
def test_offsets_beyond_reach_are_found(offset_deg, with_offset, found, every, severity):
    horizontal_deg, vertical_deg = offset_deg
    beyond = torch.arange(len(horizontal_deg)) % every == 15
    findings = found(with_offset(torch.where(beyond, 50.0, horizontal_deg), vertical_deg))
    if severity is None:
        assert findings == {}
    else:
        assert findings["offsets_beyond_reach"].severity is severity
        assert "up to 50 degrees" in findings["offsets_beyond_reach"].message


def test_a_shifted_gaze_is_found(offset_deg, with_offset, found):
    horizontal_deg, vertical_deg = offset_deg
    findings = found(with_offset(horizontal_deg, vertical_deg - 20))
    assert "found them +0 to the right and -20 up" in findings["offset_shifted"].message


@pytest.mark.parametrize(
    ("mirror", "axis"), [((-1, 1), "horizontal"), ((1, -1), "vertical")], ids=["right", "up"]
)
def test_a_mirrored_axis_is_found(offset_deg, with_offset, found, mirror, axis):
    horizontal_deg, vertical_deg = offset_deg
    findings = found(with_offset(mirror[0] * horizontal_deg, mirror[1] * vertical_deg))
    assert list(findings) == ["gaze_opposes_head"]
    assert f"the {axis} offset" in findings["gaze_opposes_head"].message


def test_eyes_that_do_not_move_are_not_judged(offset_deg, with_offset, found):
    tremor_deg = 0.2 * torch.sin(torch.arange(len(offset_deg[0])).double())
    assert found(with_offset(tremor_deg, -tremor_deg)) == {}


@pytest.mark.parametrize(("end_s", "is_found"), [(29.5, False), (30.5, True)])
def test_a_short_gaze_may_be_off_centre(offset_deg, with_offset, beginning, found, end_s, is_found):
    horizontal_deg, vertical_deg = offset_deg
    shifted = with_offset(horizontal_deg, vertical_deg - 20)
    assert ("offset_shifted" in found(beginning(shifted, end_s))) is is_found


@pytest.mark.parametrize(("samples", "is_found"), [(199, False), (200, True)])
def test_few_samples_make_no_correlation(
    recording, offset_deg, with_offset, found, samples, is_found
):
    horizontal_deg, vertical_deg = offset_deg
    mirrored = with_offset(-horizontal_deg, vertical_deg)
    chosen = torch.nonzero(recording.gaze_valid).squeeze(-1)[::20][:samples]
    few = torch.zeros_like(recording.gaze_valid)
    few[chosen] = True
    findings = found(dataclasses.replace(mirrored, gaze_valid=few))
    assert ("gaze_opposes_head" in findings) is is_found


@pytest.mark.parametrize(("correlation", "is_found"), [(-0.18, False), (-0.22, True)])
def test_weak_opposition_may_be_chance(recording, with_offset, found, correlation, is_found):
    yaw_rad, _ = yaw_and_elevation(recording.viewport_center)
    later = (torch.arange(recording.samples) + 22).clamp(max=recording.samples - 1)
    turned = unit(wrap_angle(yaw_rad[later] - yaw_rad))
    other = torch.sin(7 * recording.timestamps_s)
    other = unit(other - other.mean() - (other @ turned) * turned)
    mixed = correlation * turned + (1 - correlation**2) ** 0.5 * other
    findings = found(with_offset(300 * mixed, torch.zeros_like(mixed)))
    assert ("gaze_opposes_head" in findings) is is_found


def unit(values):
    centred = values - values.mean()
    return centred / centred.norm()


def as_measured(recording, turned_back):
    """Gaze of which some samples point behind the viewer, as measured and as a recording has it."""
    gaze = torch.where(
        turned_back.unsqueeze(-1), -recording.gaze_direction, recording.gaze_direction
    )
    measured = measured_gaze(gaze, recording.gaze_valid)
    streams = gaze_streams(
        recording.timestamps_s,
        recording.viewport_center,
        recording.head_orientation_xyzw,
        measured,
    )
    return measured, dataclasses.replace(recording, **streams)


def test_masked_gaze_counts_as_beyond_reach_and_not_as_lost(recording):
    turned_back = torch.arange(recording.samples) % 40 < 4
    measured, masked = as_measured(recording, turned_back)
    (finding,) = check_recording(masked, gaze_measured=measured)[0]
    assert finding.code == "offsets_beyond_reach"
    assert finding.severity is Severity.WARNING
    assert "found 9.9% of the measurements beyond, up to 179 degrees" in finding.message
    assert f"masked by max_gaze_offset_deg: {finding.rows} of {finding.rows})" in finding.message
    # Of four rows two hold the sample before.
    assert finding.rows == pytest.approx(int(turned_back.sum()) / 2, rel=0.05)


def test_a_gaze_that_is_negated_throughout_is_not_lost(recording):
    measured, masked = as_measured(recording, torch.ones_like(recording.gaze_valid))
    assert not masked.gaze_valid.any()
    findings, measurements = check_recording(masked, gaze_measured=measured)
    assert [finding.code for finding in findings] == ["offsets_beyond_reach"]
    assert "100.0% of the measurements" in findings[0].message
    assert "check the axes of the gaze columns" in findings[0].message
    assert measurements["gaze_valid_share"] == 0
    assert measurements["blinks_per_min"] == 15


def test_half_of_what_is_beyond_reach_may_be_masked(offset_deg, with_offset):
    horizontal_deg, vertical_deg = offset_deg
    rows = torch.arange(len(horizontal_deg))
    rim = torch.where(rows % 40 < 2, 50.0, horizontal_deg)
    measured = with_offset(torch.where(rows % 40 >= 38, 55.0, rim), vertical_deg)
    masked = dataclasses.replace(
        measured, gaze_valid=measured.gaze_valid & (measured.gaze_offset_deg[:, 2] < 53)
    )
    gaze = measured_gaze(measured.gaze_direction, measured.gaze_valid)
    (finding,) = check_recording(masked, gaze_measured=gaze)[0]
    assert "lower max_gaze_offset_deg to 45" in finding.message
    some = int(finding.message.split("max_gaze_offset_deg: ")[1].split(" of")[0])
    assert 0.4 < some / finding.rows < 0.6
