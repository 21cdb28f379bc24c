import dataclasses

import polars as pl
import pytest

from vpnet.recordings.checks.quest_pro import check_tables


@pytest.fixture
def of_eye(recording, tables):
    """Function that gives the findings after some columns of the eye table were changed."""

    def check(*changes):
        eye = tables.eye.with_columns(*changes)
        findings, _ = check_tables(dataclasses.replace(tables, eye=eye), recording)
        return {finding.code: finding for finding in findings}

    return check


@pytest.mark.parametrize("nothing", [-1.0, 0.0, float("nan")])
def test_a_pupil_that_was_not_measured_is_found(of_eye, nothing):
    findings = of_eye(pl.lit(nothing).alias(f"{side}PupilDiam_NA") for side in ("Left", "Right"))
    assert list(findings) == ["pupil_not_measured"]


def test_confidence_instead_of_openness_is_found(of_eye):
    findings = of_eye(
        pl.col(f"{side}Confidence").alias(f"{side}Openness") for side in ("Left", "Right")
    )
    assert list(findings) == ["openness_is_confidence"]


def test_openness_of_other_lids_is_found(of_eye):
    findings = of_eye(pl.col("LeftOpenness").shift(30, fill_value=1.0) * 0.8)
    assert list(findings) == ["openness_inconsistent"]
    assert findings["openness_inconsistent"].lines[0][0] == 12


def test_rounded_openness_is_consistent(of_eye):
    assert of_eye(pl.col("LeftOpenness", "RightOpenness").round(2)) == {}


def test_eyes_that_never_close_are_found(of_eye):
    assert list(of_eye(pl.lit(0.1).alias(name) for name in ("BlinkL", "BlinkR"))) == ["blink_rate"]


def test_lids_that_flutter_are_found(of_eye):
    flutter = (pl.int_range(pl.len()) % 40 < 8).cast(pl.Float64)
    findings = of_eye(flutter.alias(name) for name in ("BlinkL", "BlinkR"))
    assert "115 blinks in 62 s" in findings["blink_rate"].message


def test_low_confidence_is_found(of_eye):
    low = pl.when(pl.int_range(pl.len()) % 5 == 0).then(0.3).otherwise(pl.col("LeftConfidence"))
    findings = of_eye(low.alias("LeftConfidence"))
    assert "lower in 20% of the rows" in findings["confidence_low"].message
