"""Reading valid recordings and whole studies; damaged ones are in test_quest_pro_defects.py."""

import json
import math
import shutil

import numpy as np
import polars as pl
import pytest
import torch
from scipy.spatial.transform import Rotation

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.rotations import roll_angle
from vpnet.quality.checking import with_checks
from vpnet.quest_pro.files import QuestProFiles, RawTables
from vpnet.quest_pro.reader import read_quest_pro, recording_from_tables
from vpnet.readers.reading import read_any
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules
from vpnet.studies.study import StudyOptions


def read_recording(folder, **settings):
    (recording,) = read_any(folder, layout="quest_pro", cache=False, **settings)
    return recording


def degrees(angle_rad):
    return torch.rad2deg(angle_rad).tolist()


def test_recording_has_the_truth_it_was_written_with(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    recording = read_recording(folder)
    assert (recording.user_id, recording.video_id) == ("P1", "video_01")
    assert recording.source == str(folder)
    assert recording.samples == 72
    assert recording.timestamps_s.tolist() == pytest.approx([row / 72 for row in range(72)])
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center)
    expected_yaw_deg = quest_pro_tables["head"]["EulerYaw"][10:].to_list()
    assert degrees(yaw_rad) == pytest.approx(expected_yaw_deg)
    assert degrees(elevation_rad) == pytest.approx([-20.0] * 72)
    assert degrees(roll_angle(recording.head_orientation_xyzw)) == pytest.approx([5.0] * 72)
    assert recording.gaze_valid.all()
    assert recording.face_valid.all()
    # 0.49 degrees every other row is 17.8 deg/s.
    assert recording.is_fixating.int().tolist() == [0, 0] + [1] * 70
    assert recording.fixation_duration_s[-1].item() == pytest.approx(69 / 72)


def test_eye_in_head_offset_agrees_with_scipy(quest_pro_tables, write_quest_pro):
    recording = read_recording(write_quest_pro(quest_pro_tables))
    head = Rotation.from_quat(recording.head_orientation_xyzw.numpy())
    x, y, z = head.inv().apply(recording.gaze_direction.numpy()).T
    horizontal, vertical, magnitude = recording.gaze_offset_deg.numpy().T
    assert horizontal == pytest.approx(np.rad2deg(np.arctan2(x, z)))
    assert vertical == pytest.approx(np.rad2deg(np.arcsin(y)))
    assert magnitude == pytest.approx(np.rad2deg(np.arccos(z)))


def test_face_has_63_weights_and_their_mean(quest_pro_tables, write_quest_pro):
    recording = read_recording(write_quest_pro(quest_pro_tables))
    assert recording.face_names == (*FACE_WEIGHTS, "FaceActivity")
    assert recording.face[0, 24].item() == pytest.approx(0.24)
    assert recording.face[0, 63].item() == pytest.approx(0.31)


def test_numbered_face_weights_are_named(quest_pro_tables, write_quest_pro):
    numbered = {name: f"Expr_{number}" for number, name in enumerate(FACE_WEIGHTS)}
    tables = quest_pro_tables | {"face": quest_pro_tables["face"].rename(numbered)}
    recording = read_recording(write_quest_pro(tables))
    assert recording.face_names[24] == "Jaw_Drop"
    assert recording.face[0, 24].item() == pytest.approx(0.24)


def test_columns_in_another_order_after_a_byte_order_mark(quest_pro_tables, write_quest_pro):
    expected = read_recording(write_quest_pro(quest_pro_tables))
    shuffled = {name: table[:, ::-1] for name, table in quest_pro_tables.items()}
    folder = write_quest_pro(shuffled, "P2/video_01")
    for file in folder.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    recording = read_recording(folder)
    for stream in ("viewport_center", "gaze_offset_deg", "face"):
        torch.testing.assert_close(getattr(recording, stream), getattr(expected, stream))


def test_dates_as_timestamps_still_match_the_files(quest_pro_tables, write_quest_pro):
    dates = pl.Series("Timestamp", [f"2024-05-01 10:00:00.{row:03d}" for row in range(82)])
    tables = {name: table.with_columns(dates) for name, table in quest_pro_tables.items()}
    tables["face"] = tables["face"][:60]
    recording = read_recording(write_quest_pro(tables))
    assert recording.face_valid.int().tolist() == [1] * 50 + [0] * 22


def test_layout_without_frames_and_blinks(quest_pro_tables):
    """Tables as layout v1 writes them: what it lacks is not needed."""
    tables = {name: table.drop("VideoFrame") for name, table in quest_pro_tables.items()}
    recording = recording_from_tables(
        RawTables(
            tables["head"],
            tables["eye"].drop("BlinkL", "BlinkR"),
            tables["face"],
            None,
            QuestProFiles("P1", "video_01", "test"),
        )
    )
    # Without VideoFrame any of the rows at time 0 may have begun the playback.
    assert recording.timestamps_s[0].item() == pytest.approx(1 / 72)
    assert recording.samples == 71


@pytest.mark.parametrize(("mirror", "sign"), [(False, 1), (True, -1)])
def test_alignment_to_the_video(quest_pro_tables, write_quest_pro, mirror, sign):
    folder = write_quest_pro(quest_pro_tables)
    recorded = read_recording(folder)
    aligned = read_recording(folder, video_yaw_offset_deg=90.0, mirror=mirror)
    recorded_yaw_rad, _ = yaw_and_elevation(recorded.gaze_direction)
    yaw_rad, elevation_rad = yaw_and_elevation(aligned.gaze_direction)
    torch.testing.assert_close(yaw_rad, sign * recorded_yaw_rad + math.pi / 2)
    torch.testing.assert_close(elevation_rad, yaw_and_elevation(recorded.gaze_direction)[1])
    offset_signs = torch.tensor([sign, 1, 1], dtype=torch.float64)
    torch.testing.assert_close(aligned.gaze_offset_deg, recorded.gaze_offset_deg * offset_signs)
    assert torch.equal(aligned.is_fixating, recorded.is_fixating)


def test_settings_reach_the_gaze(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    root = folder.parents[1]
    (strict,) = read_quest_pro(
        root, study=StudyOptions(cache=False), gaze=GazeRules(velocity_threshold_deg_s=10.0)
    )
    assert not strict.is_fixating.any()
    (narrow,) = read_quest_pro(
        root, study=StudyOptions(cache=False), gaze=GazeRules(max_gaze_offset_deg=3.0)
    )
    assert not narrow.gaze_valid.any()


def test_both_layouts_in_one_study(quest_pro_tables, write_quest_pro):
    root = write_quest_pro(quest_pro_tables, "P2/video_01").parents[1]
    for name, table in quest_pro_tables.items():
        table.drop("VideoFrame").write_csv(root / f"{name}_P1_video_01_20240501_103000.csv")
    study = read_quest_pro(root, study=StudyOptions(cache=False))
    assert len(study) == 2
    v1, v2 = study.checked()
    assert (v1.user_id, v2.user_id) == ("P1", "P2")
    assert (v1.started_at, v2.started_at) == ("2024-05-01T10:30:00", "")
    assert v1.source == str(root / "P1_video_01_20240501_103000")
    assert v1.recording is not None
    assert v2.recording is not None
    # Without VideoFrame any of the rows at time 0 may have begun the playback.
    assert torch.equal(v1.recording.face, v2.recording.face[1:])


def test_findings_name_the_files_of_layout_v1(quest_pro_tables, tmp_path):
    for name, table in quest_pro_tables.items():
        table.write_csv(tmp_path / f"{name}_P1_video_01_20240501_103000.csv")
    file = tmp_path / "head_P1_video_01_20240501_103000.csv"
    (checked,) = read_quest_pro(file, study=StudyOptions(cache=False)).checked()
    (before,) = (one for one in checked.findings if one.code == "rows_before_playback")
    assert before.file == str(file)
    assert before.lines == ((2, 11),)


def test_checks_measure_the_recording(quest_pro_tables, write_quest_pro):
    study = read_quest_pro(write_quest_pro(quest_pro_tables), study=StudyOptions(cache=False))
    (checked,) = with_checks(study).checked()
    assert checked.measurements["rows"] == 72
    assert checked.measurements["has_questionnaire"] == 0.0


def test_answers_of_the_viewer_come_with_the_recording(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    questionnaire = folder.parent / "questionnaire.json"
    viewing = {"video": "video_01", "session": 2, "position": 1}
    sessions = [{"session": 1}, {"session": 2, "alertness": 5}]
    questionnaire.write_text(json.dumps({"videos": [viewing], "sessions": sessions}))
    (checked,) = read_quest_pro(folder.parents[1], study=StudyOptions(cache=False)).checked()
    assert checked.recording.answers["alertness"] == 1.0
    assert checked.measurements["has_questionnaire"] == 1.0
    assert checked.measurements["session"] == 2.0
    assert checked.measurements["position"] == 1.0


def test_questionnaire_that_cannot_be_read_can_be_accepted(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (folder.parent / "questionnaire.json").write_text('{"pre": {"age": "old"}}')
    with pytest.raises(InputError, match=r"questionnaire\.json.*accept=\[questionnaire_unreadable"):
        read_recording(folder)
    assert not read_recording(folder, accept=["questionnaire_unreadable"]).answers


def test_what_was_read_is_kept_until_a_file_changes(quest_pro_tables, write_quest_pro, tmp_path):
    folder = write_quest_pro(quest_pro_tables, "study/P1/video_01")

    def read(**settings):
        (recording,) = read_any(folder, layout="quest_pro", cache=tmp_path / "kept", **settings)
        return recording

    first, again = read(), read()
    assert torch.equal(first.gaze_offset_deg, again.gaze_offset_deg)
    assert read(mirror=True).gaze_offset_deg[0, 0] == -first.gaze_offset_deg[0, 0]
    (folder / "eye.csv").unlink()
    assert read().gaze_direction is None


def test_tables_with_an_error_are_refused(quest_pro_tables, replace_values, write_quest_pro):
    head = replace_values(quest_pro_tables["head"], "UnitQuaternion.x", slice(30, 31), 0.9)
    tables = RawTables(head, None, None, None, QuestProFiles("P1", "video_01", "memory"))
    with pytest.raises(InputError, match=r"memory/head\.csv, line 32: UnitQuaternion must have"):
        recording_from_tables(tables)
    study = read_quest_pro(
        write_quest_pro(quest_pro_tables | {"head": head}), study=StudyOptions(cache=False)
    )
    (checked,) = study.checked()
    assert not checked.recording.head_valid[20]
    assert [one.code for one in checked.findings] == ["rows_before_playback", "quaternion_not_unit"]


def test_large_study_is_read_with_a_progress_bar(quest_pro_tables, write_quest_pro, capsys):
    first = write_quest_pro(quest_pro_tables)
    for number in range(2, 22):
        shutil.copytree(first, first.with_name(f"video_{number:02d}"))
    study = read_quest_pro(
        first.parents[1], study=StudyOptions(cache=False, accept=["copied_recording"])
    )
    assert len(list(study)) == 21
    assert "Reading recordings" in capsys.readouterr().out


@pytest.mark.parametrize("shorter", [False, True], ids=["aligned", "by_timestamp"])
def test_gaze_that_is_masked_is_not_called_lost(quest_pro_tables, write_quest_pro, shorter):
    axes = pl.col("GazeDir.x", "GazeDir.y", "GazeDir.z")
    eye = quest_pro_tables["eye"].with_columns(-axes)[shorter:]
    folder = write_quest_pro(quest_pro_tables | {"eye": eye})
    study = read_quest_pro(
        folder, study=StudyOptions(cache=False), frame=Frame(video_yaw_offset_deg=90.0, mirror=True)
    )
    (checked,) = with_checks(study).checked()
    assert not checked.recording.gaze_valid.any()
    findings = {finding.code: finding for finding in checked.findings}
    assert not {"gaze_lost", "tracking_lost"} & set(findings)
    assert "100.0% of the measurements" in findings["offsets_beyond_reach"].message
    assert "(masked by max_gaze_offset_deg: 36 of 36)" in findings["offsets_beyond_reach"].message
