import dataclasses
import io
import json

import pytest
from rich.console import Console

from vpnet.quality.inspection import Inspection, inspect_study
from vpnet.quality.reports import (
    FORMAT,
    VERSION,
    WORST_SHOWN,
    location,
    show_inspection,
    write_json_report,
)
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.studies.study import Study, StudyOptions


@pytest.fixture
def shown():
    """Function that gives what is printed about a study."""

    def show(study, width: int = 150) -> str:
        output = io.StringIO()
        show_inspection(inspect_study(study), Console(file=output, width=width))
        return output.getvalue()

    return show


def test_a_study_is_shown_by_code_by_recording_and_in_total(shown, study):
    text = shown(study)
    for part in (
        "euler_disagrees",
        "1 of 6",
        "B/ride: EulerYaw differs from the quaternion by 90.0 degrees",
        "-> clean the lenses",
        "study/torn.csv",
        "6 recordings of 3 people and 2 videos, 2 minutes: ",
        "2 good, 2 to be used with care, 2 refused",
    ):
        assert part in text


def test_one_of_a_kind_is_no_plural(shown, as_study):
    measurements = {"duration_s": 60.0}
    checked = [
        CheckedRecording("B", "ride", "study/B", None, measurements=measurements),
        CheckedRecording("", "", "study/torn.csv", None),
    ]
    assert "2 recordings of 1 person and 1 video, 1 minute: " in shown(as_study(*checked))


def test_markup_in_names_is_no_markup(shown, study, nasty):
    assert nasty in shown(study)


def test_one_recording_is_shown_in_full(shown, one_recording):
    text = shown(one_recording)
    for part in (
        "B/ride: refused",
        "EulerYaw differs from the quaternion by 90.0 degrees",
        "in head.csv, lines 2-7, 9",
        "every direction of the head may be wrong",
        "accepted: the quaternion is used",
        "pupil_not_measured",
        "duration_s",
        "20.8194",
        "1,500",
    ):
        assert part in text
    assert "fingerprint" not in text


def test_only_the_worst_of_many_are_listed(shown, study, repeated):
    text = shown(repeated(study, WORST_SHOWN + 5))
    assert text.count("│ care") == WORST_SHOWN
    assert "and 5 more" in text


def test_nothing_found_is_said_in_one_line(shown, study):
    good = Study(study.parts[4:5] * 2, StudyOptions(cache=False, workers=1))
    assert "│ care" not in shown(good)


def test_locations_name_what_is_known():
    rule = Rule("code", Severity.NOTE, "Title", meaning="Means.", remedy="do")
    assert location(rule.broken("found")) == ""
    assert location(rule.broken("found", rows=1)) == "1 row"
    assert location(rule.broken("found", lines=[(3, 3)])) == "line 3"
    assert (
        location(rule.broken("found", file="eye.csv", lines=[(2, 2), (5, 9)], rows=6))
        == "eye.csv, lines 2, 5-9, 6 rows"
    )


@pytest.fixture(scope="module")
def inspection(study) -> Inspection:
    return inspect_study(
        Study(study.parts, StudyOptions(accept=["euler_disagrees"], cache=False, workers=1))
    )


def test_the_file_holds_everything(inspection, tmp_path, nasty):
    path = tmp_path / "new" / "check.json"
    write_json_report(path, inspection)
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (report["format"], report["version"]) == (FORMAT, VERSION)
    assert report["totals"] == {
        "recordings": 6,
        "users": 3,
        "videos": 2,
        "hours": pytest.approx(inspection.hours),
        "good": 2,
        "care": 3,
        "refused": 1,
    }
    assert report["accepted"] == ["euler_disagrees"]
    assert [one["code"] for one in report["study_findings"]] == ["recording_missing"]
    for written, one in zip(report["recordings"], inspection.recordings, strict=True):
        assert written["user_id"] == one.checked.user_id
        assert written["verdict"] == one.verdict.value
        assert written["measurements"] == one.checked.measurements
        findings = tuple(Finding.from_dict(finding) for finding in written["findings"])
        assert findings == one.checked.findings
    assert report["recordings"][0]["user_id"] == nasty
    assert list(path.parent.iterdir()) == [path], "no temporary file is left"


def test_what_is_no_number_is_null(inspection, tmp_path):
    one = inspection.recordings[0]
    checked = dataclasses.replace(one.checked, measurements={"row_rate_hz": float("inf")})
    strange = Inspection((dataclasses.replace(one, checked=checked),))
    write_json_report(tmp_path / "check.json", strange)
    report = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert report["recordings"][0]["measurements"] == {"row_rate_hz": None}
