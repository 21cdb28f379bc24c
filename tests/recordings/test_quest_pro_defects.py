"""Every defect of docs/CONVENTIONS.md, one at a time, in an otherwise valid recording."""

import logging
import math

import numpy as np
import polars as pl
import pytest
import torch
from scipy.spatial.transform import Rotation

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.quest_pro import read_quest_pro_recording


@pytest.fixture
def read_damaged(quest_pro_tables, write_quest_pro, replace_values):
    """Function that damages one column (or swaps a table), writes the files and reads them."""

    def read(table=None, column=None, rows=slice(None), value=0.0, *, tables=None, **settings):
        tables = quest_pro_tables | (tables or {})
        if table is not None:
            tables[table] = replace_values(tables[table], column, rows, value)
        return read_quest_pro_recording(write_quest_pro(tables), **settings)

    return read


def test_worked_row_of_defect_1(quest_pro_tables, write_quest_pro, caplog):
    """The headset subtracts pitches of opposite sign and writes 54.62 degrees; it is about 18."""
    quaternion_xyzw = (-0.17, 0.11, -0.05, -0.98)
    yaw_deg, _, _ = Rotation.from_quat(quaternion_xyzw).as_euler("YXZ", degrees=True)
    gaze_yaw_rad = math.radians(yaw_deg + math.sqrt(54.62**2 - 52.77**2))
    gaze_elevation_rad = math.radians(-32.41)
    gaze = (
        math.cos(gaze_elevation_rad) * math.sin(gaze_yaw_rad),
        math.sin(gaze_elevation_rad),
        math.cos(gaze_elevation_rad) * math.cos(gaze_yaw_rad),
    )
    quaternion = {f"UnitQuaternion.{a}": v for a, v in zip("xyzw", quaternion_xyzw, strict=True)}
    head = quest_pro_tables["head"].with_columns(
        **{name: pl.lit(value) for name, value in quaternion.items()},
        EulerYaw=pl.lit(yaw_deg),
        EulerPitch=pl.lit(20.18),
    )
    eye = quest_pro_tables["eye"].with_columns(
        **{f"GazeDir.{a}": pl.lit(round(v, 2)) for a, v in zip("xyz", gaze, strict=True)}
    )
    combined = pl.DataFrame({"EyeHeadOffset": [54.62] * 82, "GazeRelativeV": [-52.77] * 82})
    folder = write_quest_pro({"head": head, "eye": eye, "combined": combined})
    recording = read_quest_pro_recording(folder)
    _, elevation_rad = yaw_and_elevation(recording.viewport_center)
    assert math.degrees(elevation_rad[0]) == pytest.approx(-20.18, abs=0.6)
    assert recording.gaze_offset_deg[0, 2].item() == pytest.approx(18, abs=1)
    assert recording.gaze_offset_deg[0, 1].item() < -7
    assert recording.gaze_valid.all()
    assert "EulerPitch" not in caplog.text


def test_euler_angles_that_disagree_are_logged(read_damaged, caplog):
    recording = read_damaged("head", "EulerPitch", value=-20.0)
    assert "EulerYaw and EulerPitch are 40.0 degrees (median) from where" in caplog.text
    _, elevation_rad = yaw_and_elevation(recording.viewport_center)
    assert math.degrees(elevation_rad[0]) == pytest.approx(-20)


def test_quaternion_of_wrong_length_is_refused(read_damaged):
    message = r"head\.csv, line 32: UnitQuaternion must have length 1 \(within 2%\), found \[0\.3, "
    with pytest.raises(InputError, match=message):
        read_damaged("head", "UnitQuaternion.x", slice(30, 33), 0.3)


def test_quaternion_that_was_lost_before_playback_does_not_matter(read_damaged):
    assert read_damaged("head", "UnitQuaternion.w", slice(0, 5), 0.0).samples == 72


def test_rows_before_and_after_playback_are_dropped(quest_pro_tables, read_damaged, caplog):
    head = quest_pro_tables["head"]
    row = pl.int_range(pl.len())
    stopped = head.with_columns(
        VideoFrame=pl.when(row >= 80).then(-1).otherwise("VideoFrame"),
        PlaybackTime=pl.when(row >= 80).then(0.0).otherwise("PlaybackTime"),
    )
    with caplog.at_level(logging.INFO):
        recording = read_damaged(tables={"head": stopped})
    assert recording.samples == 70
    assert "dropped 10 rows before playback and 2 after" in caplog.text
    yaw_rad, _ = yaw_and_elevation(recording.viewport_center)
    assert math.degrees(yaw_rad[0]) == pytest.approx(head["EulerYaw"][10])


def test_rows_without_a_frame_amid_playback_are_dropped(read_damaged):
    assert read_damaged("head", "VideoFrame", slice(40, 44), -1).samples == 68


def test_frame_that_is_never_reported_leaves_the_clock(read_damaged):
    assert read_damaged("head", "VideoFrame", value=-1).samples == 71


def test_playback_time_that_never_runs_is_refused(read_damaged):
    message = r"PlaybackTime: .*found 0 in all 82 rows.*set use_timestamp_as_playback=true"
    with pytest.raises(InputError, match=message):
        read_damaged("head", "PlaybackTime")


@pytest.mark.parametrize("unit_s", [1.0, 0.001])
def test_timestamp_stands_in_for_playback_time_when_asked(quest_pro_tables, read_damaged, unit_s):
    tables = {
        name: table.with_columns(pl.col("Timestamp") / unit_s)
        for name, table in quest_pro_tables.items()
    }
    recording = read_damaged("head", "PlaybackTime", tables=tables, use_timestamp_as_playback=True)
    assert recording.timestamps_s.tolist() == pytest.approx([row / 72 for row in range(82)])


def test_running_playback_time_is_used_whatever_was_asked(read_damaged):
    assert read_damaged(use_timestamp_as_playback=True).samples == 72


@pytest.mark.parametrize(
    ("timestamps", "message"),
    [
        ([f"10:00:{row:02d}" for row in range(82)], "must hold numbers, found '10:00:00'"),
        ([row * 13_889.0 for row in range(82)], "median step of 13889; convert it to seconds"),
    ],
)
def test_timestamp_that_is_no_clock_is_refused(quest_pro_tables, read_damaged, timestamps, message):
    clock = pl.Series("Timestamp", timestamps)
    tables = {name: table.with_columns(clock) for name, table in quest_pro_tables.items()}
    with pytest.raises(InputError, match=message):
        read_damaged("head", "PlaybackTime", tables=tables, use_timestamp_as_playback=True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("BothEyesValid", 0),
        ("LeftConfidence", 0),
        ("RightConfidence", 0),
        ("BlinkL", 0.51),
        ("BlinkR", 1.0),
        ("GazeDir.z", 0.0),
    ],
)
def test_lost_gaze_is_marked(read_damaged, column, value):
    recording = read_damaged("eye", column, slice(40, 44), value)
    lost = slice(30, 34)
    assert recording.gaze_valid.sum() == 68
    assert not recording.gaze_valid[lost].any()
    assert not recording.is_fixating[lost].any()
    assert torch.equal(recording.gaze_direction[lost], recording.viewport_center[lost])


def test_recorded_fixations_are_not_believed(quest_pro_tables, read_damaged):
    yaw_rad = np.deg2rad(5.0) * (np.arange(82) // 2 % 2)
    eye = quest_pro_tables["eye"].with_columns(
        pl.Series("GazeDir.x", np.sin(yaw_rad)),
        pl.Series("GazeDir.y", np.zeros(82)),
        pl.Series("GazeDir.z", np.cos(yaw_rad)),
    )
    assert (eye["IsFixating"] == 1).all()
    assert not read_damaged(tables={"eye": eye}).is_fixating.any()


def test_lost_face_is_marked_though_it_counts_as_valid(quest_pro_tables, read_damaged):
    lost = pl.int_range(pl.len()).is_between(40, 49)
    face = quest_pro_tables["face"].with_columns(
        pl.when(lost).then(0.0).otherwise(name).alias(name) for name in FACE_WEIGHTS
    )
    recording = read_damaged("face", "FaceIsValid", slice(60, 62), 0, tables={"face": face})
    assert recording.face_valid.int().tolist() == (
        [1] * 30 + [0] * 10 + [1] * 10 + [0] * 2 + [1] * 20
    )


def test_face_in_percent_is_refused(read_damaged):
    message = r"face\.csv, line 42, column Jaw_Drop: face weights must lie in \[0, 1\], found 35; "
    with pytest.raises(InputError, match=message):
        read_damaged("face", "Jaw_Drop", slice(40, 50), 35.0)


def test_step_back_is_refused(read_damaged):
    message = r"head\.csv, line 52: .*step back .* found 0\.250 s after 0\.542 s"
    with pytest.raises(InputError, match=message):
        read_damaged("head", "PlaybackTime", slice(50, 51), 0.25)


def test_held_player_clock_keeps_the_first_row_of_each_update(quest_pro_tables, read_damaged):
    clock = (quest_pro_tables["head"]["PlaybackTime"] * 24 + 1e-9).floor() / 24
    head = quest_pro_tables["head"].with_columns(clock.alias("PlaybackTime"))
    recording = read_damaged(tables={"head": head})
    assert torch.allclose(recording.timestamps_s.diff(), torch.tensor(1 / 24).double())
    yaw_rad, _ = yaw_and_elevation(recording.viewport_center)
    # Rows 13, 16, 19, ... are those at which the clock was read.
    expected_deg = head["EulerYaw"].gather_every(3, offset=13).to_list()[: recording.samples]
    assert torch.rad2deg(yaw_rad).tolist() == pytest.approx(expected_deg)


def test_missing_eye_and_face_files_disable_their_streams(
    quest_pro_tables, write_quest_pro, caplog
):
    recording = read_quest_pro_recording(write_quest_pro({"head": quest_pro_tables["head"]}))
    assert recording.gaze_direction is None
    assert recording.face is None
    assert "eye.csv: the file is missing; the recording has no gaze" in caplog.text
    assert "face.csv: the file is missing; the recording has no face" in caplog.text


def test_shorter_eye_file_is_matched_by_timestamp(quest_pro_tables, read_damaged, caplog):
    expected = read_damaged()
    eye = pl.concat([quest_pro_tables["eye"][:20], quest_pro_tables["eye"][30:70]])
    caplog.clear()
    folder = expected.source
    eye.write_csv(f"{folder}/eye.csv")
    recording = read_quest_pro_recording(folder)
    assert recording.gaze_valid.int().tolist() == [1] * 10 + [0] * 10 + [1] * 40 + [0] * 12
    kept = recording.gaze_valid
    assert torch.equal(recording.gaze_direction[kept], expected.gaze_direction[kept])
    assert "eye.csv: 22 of 72 rows of head.csv have no row here" in caplog.text


def test_repeated_timestamps_match_in_order(quest_pro_tables, read_damaged):
    tables = {
        name: table.with_columns((pl.col("Timestamp") * 36).floor() / 36)
        for name, table in quest_pro_tables.items()
    }
    weight = pl.Series("Jaw_Drop", np.arange(82) / 100)
    tables["face"] = tables["face"].with_columns(weight)[:80]
    recording = read_damaged(tables=tables)
    assert recording.face[:70, 24].tolist() == pytest.approx((np.arange(10, 80) / 100).tolist())
    assert not recording.face_valid[70:].any()


def test_eye_file_of_another_recording_is_refused(quest_pro_tables, read_damaged):
    eye = quest_pro_tables["eye"].with_columns(pl.col("Timestamp") + 1000.005)
    with pytest.raises(
        InputError, match=r"eye\.csv: no Timestamp is among .* 1400.005 and 400.0\)"
    ):
        read_damaged(tables={"eye": eye})


def test_cut_off_file_loses_its_last_row(quest_pro_tables, write_quest_pro, caplog):
    folder = write_quest_pro(quest_pro_tables)
    head = (folder / "head.csv").read_text()
    (folder / "head.csv").write_text(head[:-40])
    assert read_quest_pro_recording(folder).samples == 71
    assert "head.csv, line 83: the last line is cut off" in caplog.text


@pytest.mark.parametrize(
    ("name", "column"),
    [("head", "UnitQuaternion.w"), ("eye", "BlinkL"), ("face", "Jaw_Drop")],
)
def test_missing_column_is_refused(quest_pro_tables, read_damaged, name, column):
    with pytest.raises(InputError, match=rf"{name}\.csv: .*must have: {column}; found Timestamp"):
        read_damaged(tables={name: quest_pro_tables[name].drop(column)})


def test_recording_that_was_never_played_is_refused(read_damaged):
    with pytest.raises(InputError, match="the video was never played"):
        read_damaged("head", "PlaybackTime", value=-1.0)


def test_recording_of_one_row_is_refused(quest_pro_tables, read_damaged):
    with pytest.raises(InputError, match="at least 2 rows during playback, found 1 among 12"):
        read_damaged(tables={"head": quest_pro_tables["head"][[*range(10), 11, 11]]})
