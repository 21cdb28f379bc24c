import dataclasses

import polars as pl
import pytest

from vpnet.quality.checks.quest_pro import check_tables
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.findings import Severity


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
