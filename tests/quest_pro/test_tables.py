"""Files that are missing, damaged or cannot be read."""

import numpy as np
import polars as pl
import pytest
import torch
from scipy.spatial.transform import Rotation

from vpnet.errors import InputError
from vpnet.quest_pro.files import find_recordings
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.quest_pro.tables import head_orientation, read_tables
from vpnet.recordings.findings import Severity
from vpnet.studies.study import StudyOptions


def check(folder):
    (checked,) = read_quest_pro(folder, study=StudyOptions(cache=False)).checked()
    return checked


def finding(checked, code):
    (found,) = (one for one in checked.findings if one.code == code)
    return found


def test_missing_head_file_is_an_error(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (folder / "head.csv").unlink()
    assert check(folder).recording is None
    message = r"video_01: .*needs head\.csv, found only eye\.csv, face\.csv; put it"
    with pytest.raises(InputError, match=message):
        list(read_quest_pro(folder.parents[1], study=StudyOptions(cache=False)))


def test_folder_of_files_with_other_names_is_an_error(quest_pro_tables, write_quest_pro):
    named = {"HEAD": quest_pro_tables["head"], "Eye": quest_pro_tables["eye"]}
    folder = write_quest_pro(named, "P1/video_01")
    other = write_quest_pro({"tracking": quest_pro_tables["head"]}, "P1/video_02")
    known, unknown = read_quest_pro(folder.parents[1], study=StudyOptions(cache=False)).checked()
    assert known.recording.gaze_valid.all()
    assert finding(known, "rows_before_playback").file == str(folder / "HEAD.csv")
    assert (unknown.video_id, unknown.recording) == ("video_02", None)
    (found,) = unknown.findings
    assert (found.code, found.severity) == ("unreadable", Severity.ERROR)
    assert found.message == (
        f"{other}: a recording's files must be called head.csv, eye.csv, face.csv and "
        "combined.csv, found only tracking.csv; rename them, or leave the recording out"
    )


def test_missing_eye_and_face_files_disable_their_streams(quest_pro_tables, write_quest_pro):
    checked = check(write_quest_pro({"head": quest_pro_tables["head"]}))
    assert checked.recording.gaze_direction is None
    assert checked.recording.face is None
    assert (
        "eye.csv is missing, the recording has no gaze" in finding(checked, "eye_missing").message
    )
    assert finding(checked, "eye_missing").severity is Severity.WARNING
    assert "face.csv is missing" in finding(checked, "face_missing").message
    assert finding(checked, "face_missing").severity is Severity.WARNING


@pytest.mark.parametrize("name", ["head", "eye", "face"])
def test_cut_off_file_loses_its_last_row(quest_pro_tables, write_quest_pro, name):
    file = write_quest_pro(quest_pro_tables) / f"{name}.csv"
    file.write_text(file.read_text()[:-60])
    checked = check(file.parent)
    found = finding(checked, "last_line_cut")
    assert (found.file, found.lines, found.severity) == (str(file), ((83, 83),), Severity.NOTE)
    assert checked.recording.samples == (71 if name == "head" else 72)


@pytest.mark.parametrize(
    ("name", "column", "code", "remedy"),
    [
        ("head", "UnitQuaternion.w", "unreadable", "or leave the recording out"),
        ("eye", "GazeDir.y", "gaze_unreadable", "to read the recording without gaze"),
        ("face", "Jaw_Drop", "face_unreadable", "to read the recording without face"),
    ],
)
def test_missing_column_is_an_error(quest_pro_tables, write_quest_pro, name, column, code, remedy):
    tables = quest_pro_tables | {name: quest_pro_tables[name].drop(column)}
    checked = check(write_quest_pro(tables))
    found = finding(checked, code)
    assert found.severity is Severity.ERROR
    assert f"{name}.csv: the file lacks 1 of the columns" in found.message
    assert f"must have: {column}; found Timestamp" in found.message
    assert found.remedy.endswith(remedy)
    assert (checked.recording is None) == (name == "head")


def test_all_unreadable_files_are_found_at_once(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    for name in quest_pro_tables:
        lines = (folder / f"{name}.csv").read_text().splitlines()
        lines[20] = lines[20].replace(",", ",?", 3)
        (folder / f"{name}.csv").write_text("\n".join(lines))
    checked = check(folder)
    codes = ["unreadable", "gaze_unreadable", "face_unreadable"]
    assert [one.code for one in checked.findings] == codes
    assert all(one.lines == ((21, 21),) for one in checked.findings)


def test_unreadable_gaze_can_be_accepted(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (folder / "eye.csv").write_bytes("Timestamp,GazeDir.x\n1,2\n".encode("utf-16"))
    with pytest.raises(InputError, match=r"eye\.csv, line 1: .* found UTF-16; save it as UTF-8"):
        list(read_quest_pro(folder, study=StudyOptions(cache=False)))
    (recording,) = read_quest_pro(
        folder, study=StudyOptions(cache=False, accept=["gaze_unreadable"])
    )
    assert recording.gaze_direction is None
    assert recording.face is not None


def test_unreadable_combined_file_is_only_noted(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (folder / "combined.csv").write_text("nothing")
    found = finding(check(folder), "combined_unreadable")
    assert found.severity is Severity.NOTE
    assert "combined.csv: the file lacks 1 of the columns it must have: Timestamp" in found.message


def test_tables_have_every_column_that_is_there(quest_pro_tables, write_quest_pro):
    eye = quest_pro_tables["eye"].with_columns(
        LeftPupilDiam=pl.lit("n/a"), Unheard=pl.lit(1), BothEyesValid=pl.lit(1)
    )
    combined = quest_pro_tables["head"].select("Timestamp", GazeRelativeH="EulerYaw")
    folder = write_quest_pro(quest_pro_tables | {"eye": eye, "combined": combined})
    findings = []
    (files,) = find_recordings(folder)
    tables = read_tables(files, findings)
    assert findings == []
    assert set(tables.head.columns) == set(quest_pro_tables["head"].columns)
    assert "Unheard" not in tables.eye.columns
    assert tables.eye["LeftPupilDiam"].is_nan().all()
    assert tables.combined.columns == ["GazeRelativeH", "Timestamp"]
    frames = (tables.head, tables.eye, tables.face, tables.combined)
    assert {one for frame in frames for one in frame.dtypes} == {pl.Float64}


@pytest.mark.parametrize("value", ["", "x", "inf"])
def test_time_that_is_missing_is_an_error(quest_pro_tables, write_quest_pro, value):
    texts = quest_pro_tables["head"]["Timestamp"].cast(pl.String).to_list()
    texts[30] = value
    head = quest_pro_tables["head"].with_columns(Timestamp=pl.Series(texts))
    found = finding(check(write_quest_pro(quest_pro_tables | {"head": head})), "unreadable")
    assert "line 32: column Timestamp: the value must be a time like the others" in found.message


def test_exchanged_axes_are_no_matter_of_a_sign(quest_pro_tables):
    """Near the horizon the wrong axes look nearly right, whatever the sign."""
    elevation_deg = 6 * np.sin(np.arange(len(quest_pro_tables["head"])) / 8)
    level_deg = np.zeros_like(elevation_deg)
    angles_deg = np.stack((level_deg, -elevation_deg, elevation_deg / 3), axis=1)
    x, y, z, w = Rotation.from_euler("YXZ", angles_deg, degrees=True).as_quat().T
    names = (f"UnitQuaternion.{axis}" for axis in "zyxw")
    columns = [pl.Series(name, value) for name, value in zip(names, (x, y, z, w), strict=True)]
    euler = {"EulerYaw": angles_deg[:, 0], "EulerPitch": angles_deg[:, 1]}
    head = quest_pro_tables["head"].with_columns(
        *columns, *(pl.Series(name, value) for name, value in euler.items())
    )
    findings = []
    head_orientation(head, torch.arange(len(head)), "head.csv", findings)
    assert [finding.code for finding in findings] == ["euler_disagrees"]
