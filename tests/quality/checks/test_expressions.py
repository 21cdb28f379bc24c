import dataclasses

import polars as pl
import pytest
import torch

from vpnet.quality.checking import check_tables
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS
from vpnet.recordings.findings import Severity


@pytest.fixture
def with_face(recording):
    """Function that gives the recording other weights."""
    return lambda face: dataclasses.replace(recording, face=face)


def test_a_lost_face_is_found(recording, found):
    seen = torch.arange(recording.samples) % 10 >= 3
    assert list(found(dataclasses.replace(recording, face_valid=seen))) == ["face_lost"]


def test_a_face_that_was_never_measured_is_found(recording, found):
    nothing = torch.zeros_like(recording.face_valid)
    assert list(found(dataclasses.replace(recording, face_valid=nothing))) == ["face_lost"]


def test_a_stuck_face_is_found(recording, with_face, found):
    face = recording.face.clone()
    face[720:900] = face[720]
    assert "from 10.0 s to 12.5 s" in found(with_face(face))["face_stuck"].message


def test_a_rare_face_is_found(recording, with_face, found):
    rows = torch.arange(recording.samples)
    findings = found(with_face(recording.face[rows // 24 * 24]))
    assert list(findings) == ["face_rate_low"]


@pytest.mark.parametrize(("dead", "severity"), [(3, Severity.NOTE), (10, Severity.WARNING)])
def test_dead_weights_are_named(recording, with_face, found, dead, severity):
    face = recording.face.clone()
    face[:, :dead] = 0.1
    finding = found(with_face(face))["face_dead"]
    assert finding.severity is severity
    assert f"{dead} of 63 constant: Brow_Lowerer_L, Brow_Lowerer_R" in finding.message


def test_saturated_weights_are_named(recording, with_face, found):
    face = recording.face.clone()
    face[: int(0.7 * len(face)), 24] = 1.0
    assert "1 at it in up to 70%: Jaw_Drop" in found(with_face(face))["face_saturated"].message


def test_the_mean_of_the_weights_is_no_weight(recording, found):
    with_mean = dataclasses.replace(
        recording,
        face=torch.cat((recording.face, torch.ones(recording.samples, 1)), dim=1),
        face_names=(*recording.face_names, FACE_ACTIVITY),
    )
    assert found(with_mean) == {}


@pytest.mark.parametrize(("share", "is_found"), [(0.49, False), (0.51, True)])
def test_weights_may_be_at_their_limit_for_less_than_half(
    recording, with_face, found, share, is_found
):
    face = recording.face.clone()
    face[: int(share * len(face)), 24] = 1.0
    assert ("face_saturated" in found(with_face(face))) is is_found


@pytest.mark.parametrize(("count", "severity"), [(36, Severity.NOTE), (144, Severity.WARNING)])
def test_silent_dropouts_are_found(recording, tables, rows, count, severity):
    row = pl.int_range(pl.len())
    lost = (row >= 1000) & (row < 1000 + count)
    face = tables.face.with_columns(pl.when(~lost).then(pl.col(FACE_WEIGHTS)).otherwise(0.0))
    (finding,) = check_tables(dataclasses.replace(tables, face=face), recording, rows)[0]
    assert finding.code == "face_dropout"
    assert finding.severity is severity
    assert finding.lines == ((1002, 1001 + count),)
    assert f"{count / 72:.1f} s in all" in finding.message


def test_a_face_that_says_it_is_lost_is_no_dropout(recording, tables, rows):
    lost = pl.int_range(pl.len()) < 2000
    face = tables.face.with_columns(
        pl.when(~lost).then(pl.col("FaceIsValid", *FACE_WEIGHTS)).otherwise(0.0)
    )
    assert check_tables(dataclasses.replace(tables, face=face), recording, rows)[0] == []
