import dataclasses
import json

import pytest

from vpnet.quality.inspection import Inspection, inspect_study
from vpnet.quality.json_report import FORMAT, VERSION, write_json_report
from vpnet.recordings.findings import Finding
from vpnet.studies.study import Study, StudyOptions


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
