import pytest
import torch

from vpnet.recordings.findings import Severity


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
