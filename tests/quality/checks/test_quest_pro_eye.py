import dataclasses

import polars as pl
import pytest

from vpnet.quality.checks.quest_pro import check_tables


@pytest.fixture
def of_eye(recording, tables, rows):
    """Function that gives the findings after some columns of the eye table were changed."""

    def check(*changes):
        eye = tables.eye.with_columns(*changes)
        findings, _ = check_tables(dataclasses.replace(tables, eye=eye), recording, rows)
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


@pytest.mark.parametrize(("error", "is_found"), [(0.04, False), (0.06, True)])
def test_openness_may_be_off_by_rounding(of_eye, error, is_found):
    # Open lids alone: closed ones are at 0 already.
    shifted = pl.when(pl.col("LeftOpenness") > 0.1).then(pl.col("LeftOpenness") - error)
    assert ("openness_inconsistent" in of_eye(shifted.otherwise(0.0))) is is_found


@pytest.mark.parametrize(("percent", "is_found"), [(4, False), (6, True)])
def test_openness_may_be_wrong_in_a_few_rows(of_eye, percent, is_found):
    wrong = pl.int_range(pl.len()) % 100 < percent
    flipped = pl.when(wrong).then(1 - pl.col("LeftOpenness")).otherwise(pl.col("LeftOpenness"))
    assert ("openness_inconsistent" in of_eye(flipped.alias("LeftOpenness"))) is is_found


@pytest.mark.parametrize(("watched_s", "is_found"), [(59, False), (61, True)])
def test_a_minute_may_pass_without_a_blink(tables, watched_s, is_found):
    never = [pl.lit(0.1).alias(name) for name in ("BlinkL", "BlinkR")]
    seen = [pl.lit(0.998).alias(f"{side}Confidence") for side in ("Left", "Right")]
    rows = watched_s * 72
    eye = tables.eye.with_columns(*never, *seen).head(rows)
    brief = dataclasses.replace(tables, head=tables.head.head(rows), eye=eye, combined=None)
    codes = [finding.code for finding in check_tables(brief, None)[0]]
    assert ("blink_rate" in codes) is is_found
