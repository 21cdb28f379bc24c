import pytest
import torch

from vpnet.geometry.rotations import forward_direction, quaternion_from_angles
from vpnet.recordings.findings import Finding
from vpnet.recordings.orientation_agreement import IDENTITY_XYZW, agreeing_orientation

ROWS = 5
ALL = torch.ones(ROWS, dtype=torch.bool)


@pytest.fixture
def orientation_xyzw() -> torch.Tensor:
    yaw_rad = torch.deg2rad(10 * torch.arange(ROWS, dtype=torch.float64))
    return quaternion_from_angles(yaw_rad, torch.zeros_like(yaw_rad), torch.ones_like(yaw_rad))


def test_quaternions_that_point_where_the_head_does_are_kept(orientation_xyzw):
    findings: list[Finding] = []
    center = forward_direction(orientation_xyzw)
    kept = agreeing_orientation(orientation_xyzw, ALL, center, ALL, findings, file="f")
    assert kept is not None
    torch.testing.assert_close(kept, orientation_xyzw)
    assert findings == []


def test_where_the_head_was_lost_nothing_is_asked(orientation_xyzw):
    center = forward_direction(orientation_xyzw)
    head_valid = ALL.clone()
    head_valid[2] = False
    center[2] = torch.tensor([0.0, 0.0, 1.0])
    kept = agreeing_orientation(orientation_xyzw, head_valid, center, head_valid, [], file="f")
    assert kept is not None
    assert kept[2].tolist() == list(IDENTITY_XYZW)


def test_a_missing_or_a_disagreeing_one_leaves_all_out(orientation_xyzw):
    center = forward_direction(orientation_xyzw)
    measured = ALL.clone()
    measured[1] = False
    findings: list[Finding] = []
    assert agreeing_orientation(orientation_xyzw, measured, center, ALL, findings, file="f") is None
    assert "found 1 missing" in findings[0].message
    bent = quaternion_from_angles(*torch.deg2rad(torch.tensor([[1.0], [0.0], [0.0]]))).double()
    center[:1] = forward_direction(bent)
    assert agreeing_orientation(orientation_xyzw, ALL, center, ALL, findings, file="f") is None
    assert "up to 1 degrees" in findings[1].found
    assert findings[1].rows == 1
    kept = agreeing_orientation(
        orientation_xyzw, ALL, center, ALL, [], file="f", max_disagreement_deg=1.1
    )
    assert kept is not None
