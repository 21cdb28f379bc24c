"""Reading valid recordings and whole studies; damaged ones are in test_quest_pro_defects.py."""

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
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.quest_pro import (
    read_quest_pro,
    read_quest_pro_recording,
    recording_from_tables,
)


def degrees(angle_rad):
    return torch.rad2deg(angle_rad).tolist()


def test_recording_has_the_truth_it_was_written_with(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    recording = read_quest_pro_recording(folder)
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
    recording = read_quest_pro_recording(write_quest_pro(quest_pro_tables))
    head = Rotation.from_quat(recording.head_orientation_xyzw.numpy())
    x, y, z = head.inv().apply(recording.gaze_direction.numpy()).T
    horizontal, vertical, magnitude = recording.gaze_offset_deg.numpy().T
    assert horizontal == pytest.approx(np.rad2deg(np.arctan2(x, z)))
    assert vertical == pytest.approx(np.rad2deg(np.arcsin(y)))
    assert magnitude == pytest.approx(np.rad2deg(np.arccos(z)))


def test_face_has_63_weights_and_their_mean(quest_pro_tables, write_quest_pro):
    recording = read_quest_pro_recording(write_quest_pro(quest_pro_tables))
    assert recording.face_names == (*FACE_WEIGHTS, "FaceActivity")
    assert recording.face[0, 24].item() == pytest.approx(0.24)
    assert recording.face[0, 63].item() == pytest.approx(0.31)


def test_numbered_face_weights_are_named(quest_pro_tables, write_quest_pro):
    numbered = {name: f"Expr_{number}" for number, name in enumerate(FACE_WEIGHTS)}
    tables = quest_pro_tables | {"face": quest_pro_tables["face"].rename(numbered)}
    recording = read_quest_pro_recording(write_quest_pro(tables))
    assert recording.face_names[24] == "Jaw_Drop"
    assert recording.face[0, 24].item() == pytest.approx(0.24)


def test_columns_in_another_order_after_a_byte_order_mark(quest_pro_tables, write_quest_pro):
    expected = read_quest_pro_recording(write_quest_pro(quest_pro_tables))
    shuffled = {name: table[:, ::-1] for name, table in quest_pro_tables.items()}
    folder = write_quest_pro(shuffled, "P2/video_01")
    for file in folder.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    recording = read_quest_pro_recording(folder)
    for stream in ("viewport_center", "gaze_offset_deg", "face"):
        torch.testing.assert_close(getattr(recording, stream), getattr(expected, stream))


def test_dates_as_timestamps_still_match_the_files(quest_pro_tables, write_quest_pro):
    dates = pl.Series("Timestamp", [f"2024-05-01 10:00:00.{row:03d}" for row in range(82)])
    tables = {name: table.with_columns(dates) for name, table in quest_pro_tables.items()}
    tables["face"] = tables["face"][:60]
    recording = read_quest_pro_recording(write_quest_pro(tables))
    assert recording.face_valid.int().tolist() == [1] * 50 + [0] * 22


def test_layout_without_frames_and_blinks(quest_pro_tables):
    """Tables as layout v1 writes them: what it lacks is not asked for."""
    tables = {name: table.drop("VideoFrame") for name, table in quest_pro_tables.items()}
    recording = recording_from_tables(
        tables["head"],
        tables["eye"].drop("BlinkL", "BlinkR"),
        tables["face"],
        user_id="P1",
        video_id="video_01",
        source="test",
    )
    # Without VideoFrame it cannot be told which of the rows at time 0 began the playback.
    assert recording.timestamps_s[0].item() == pytest.approx(1 / 72)
    assert recording.samples == 71


@pytest.mark.parametrize(("mirror", "sign"), [(False, 1), (True, -1)])
def test_alignment_to_the_video(quest_pro_tables, write_quest_pro, mirror, sign):
    folder = write_quest_pro(quest_pro_tables)
    recorded = read_quest_pro_recording(folder)
    aligned = read_quest_pro_recording(folder, video_yaw_offset_deg=90.0, mirror=mirror)
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
    (strict,) = read_quest_pro(root, velocity_threshold_deg_s=10.0)
    assert not strict.is_fixating.any()
    (narrow,) = read_quest_pro(root, max_gaze_offset_deg=3.0)
    assert not narrow.gaze_valid.any()


def test_study_in_the_order_of_names(quest_pro_tables, write_quest_pro):
    for name in ("P2/video_02", "P10/video_01", "P2/video_01"):
        root = write_quest_pro(quest_pro_tables, name).parents[1]
    (root / "notes.txt").write_text("kept with the study")
    (root / ".cache").mkdir()
    (root / "questionnaires").mkdir()
    (root / "questionnaires" / "ssq.csv").write_text("a\n1\n")
    recordings = read_quest_pro(root)
    assert [(recording.user_id, recording.video_id) for recording in recordings] == [
        ("P10", "video_01"),
        ("P2", "video_01"),
        ("P2", "video_02"),
    ]


def test_missing_root_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no such folder; expected ROOT/<participant>"):
        read_quest_pro(tmp_path / "nowhere")


def test_root_without_recordings_is_refused(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here")
    message = r"no recordings found, only readme\.txt; expected ROOT/<participant>/<video>/\{head"
    with pytest.raises(InputError, match=message):
        read_quest_pro(tmp_path)


def test_participant_folder_as_root_is_refused(quest_pro_tables, write_quest_pro):
    participant = write_quest_pro(quest_pro_tables).parent
    message = r"lie one level too high, found eye\.csv, .*If P1 is a participant's folder, set root"
    with pytest.raises(InputError, match=message):
        read_quest_pro(participant)


def test_participant_without_recordings_is_refused(quest_pro_tables, write_quest_pro):
    root = write_quest_pro(quest_pro_tables).parents[1]
    (root / "P2" / "video_01").mkdir(parents=True)
    with pytest.raises(InputError, match=r"P2: .* found no head\.csv in video_01; expected ROOT"):
        read_quest_pro(root)


def test_missing_head_file_is_refused(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (folder / "head.csv").unlink()
    message = r"head\.csv: .*cannot be read without head\.csv, found eye\.csv, face\.csv; put it"
    with pytest.raises(InputError, match=message):
        read_quest_pro(folder.parents[1])


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="found nothing; put it there"):
        read_quest_pro_recording(tmp_path / "P1" / "video_01")


def test_large_study_is_read_with_a_progress_bar(quest_pro_tables, write_quest_pro, capsys):
    first = write_quest_pro(quest_pro_tables)
    for number in range(2, 22):
        shutil.copytree(first, first.with_name(f"video_{number:02d}"))
    assert len(read_quest_pro(first.parents[1])) == 21
    assert "Reading recordings" in capsys.readouterr().out
