"""Every defect of docs/CONVENTIONS.md, one at a time, in an otherwise valid recording."""

import math

import numpy as np
import polars as pl
import pytest
import torch
from scipy.spatial.transform import Rotation

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.readers.reading import read_any
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.findings import Severity


def check(folder, **settings):
    (checked,) = read_any(folder, layout="quest_pro", cache=False, **settings).checked()
    return checked


def read_recording(folder, **settings):
    (recording,) = read_any(folder, layout="quest_pro", cache=False, **settings)
    return recording


def finding(checked, code):
    (found,) = (one for one in checked.findings if one.code == code)
    return found


def has(checked, code):
    return any(one.code == code for one in checked.findings)


@pytest.fixture
def damage(quest_pro_tables, write_quest_pro, replace_values):
    """Function that damages one column (or swaps a table), writes the files, gives the folder."""

    def write(table=None, column=None, rows=slice(None), value=0.0, *, tables=None):
        tables = quest_pro_tables | (tables or {})
        if table is not None:
            tables[table] = replace_values(tables[table], column, rows, value)
        return write_quest_pro(tables)

    return write


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
    checked = check(write_quest_pro({"head": head, "eye": eye}))
    recording = checked.recording
    _, elevation_rad = yaw_and_elevation(recording.viewport_center)
    assert math.degrees(elevation_rad[0]) == pytest.approx(-20.18, abs=0.6)
    assert recording.gaze_offset_deg[0, 2].item() == pytest.approx(18, abs=1)
    assert recording.gaze_offset_deg[0, 1].item() < -7
    assert recording.gaze_valid.all()
    assert not has(checked, "euler_disagrees")
    assert not has(checked, "pitch_sign")


def test_euler_angles_of_something_else_are_an_error(damage):
    folder = damage("head", "EulerYaw", value=90.0)
    checked = check(folder)
    found = finding(checked, "euler_disagrees")
    assert found.severity is Severity.ERROR
    assert found.file == str(folder / "head.csv")
    assert (
        "must agree with UnitQuaternion within 2 degrees in nine rows of ten, found 79.5"
        in found.found
    )
    with pytest.raises(InputError, match=r"EulerYaw and EulerPitch .*accept=\[euler_disagrees\]"):
        read_recording(folder)
    accepted = read_recording(folder, accept=["euler_disagrees"])
    _, elevation_rad = yaw_and_elevation(accepted.viewport_center)
    assert math.degrees(elevation_rad[0]) == pytest.approx(-20)


def test_euler_pitch_that_is_positive_up_is_noted(damage):
    checked = check(damage("head", "EulerPitch", value=-20.0))
    found = finding(checked, "pitch_sign")
    assert found.severity is Severity.NOTE
    assert "found 40.0; with EulerPitch taken as positive up 0.0" in found.found
    assert not has(checked, "euler_disagrees")
    _, elevation_rad = yaw_and_elevation(checked.recording.viewport_center)
    assert math.degrees(elevation_rad[0]) == pytest.approx(-20)


def test_euler_angles_that_are_no_numbers_are_not_compared(damage):
    checked = check(damage("head", "EulerPitch", value=math.nan))
    assert not has(checked, "euler_disagrees")
    assert checked.recording.samples == 72


def test_quaternion_of_wrong_length_is_an_error_and_its_rows_are_lost(damage):
    folder = damage("head", "UnitQuaternion.x", slice(30, 33), 0.3)
    checked = check(folder)
    found = finding(checked, "quaternion_not_unit")
    assert (found.lines, found.rows) == (((32, 34),), 3)
    message = r"head\.csv, line 32: UnitQuaternion must have length 1 \(within 2%\), which 3 of 72"
    with pytest.raises(InputError, match=message):
        read_recording(folder)
    recording = read_recording(folder, accept=["quaternion_not_unit"])
    assert recording.head_valid.int().tolist() == [1] * 20 + [0] * 3 + [1] * 49
    assert torch.equal(recording.gaze_valid, recording.head_valid)


def test_quaternion_that_was_lost_before_playback_does_not_matter(damage):
    checked = check(damage("head", "UnitQuaternion.w", slice(0, 5), 0.0))
    assert checked.recording.samples == 72
    assert not has(checked, "quaternion_not_unit")


def test_rows_before_and_after_playback_are_dropped(quest_pro_tables, damage):
    head = quest_pro_tables["head"]
    row = pl.int_range(pl.len())
    stopped = head.with_columns(
        VideoFrame=pl.when(row >= 80).then(-1).otherwise("VideoFrame"),
        PlaybackTime=pl.when(row >= 80).then(0.0).otherwise("PlaybackTime"),
    )
    checked = check(damage(tables={"head": stopped}))
    assert checked.recording.samples == 70
    before = finding(checked, "rows_before_playback")
    assert (before.severity, before.rows, before.lines) == (Severity.NOTE, 10, ((2, 11),))
    after = finding(checked, "rows_after_playback")
    assert (after.severity, after.rows, after.lines) == (Severity.NOTE, 2, ((82, 83),))
    yaw_rad, _ = yaw_and_elevation(checked.recording.viewport_center)
    assert math.degrees(yaw_rad[0]) == pytest.approx(head["EulerYaw"][10])


def test_clock_that_has_stopped_is_after_playback(quest_pro_tables, damage):
    clock = quest_pro_tables["head"]["PlaybackTime"]
    checked = check(damage("head", "PlaybackTime", slice(70, 82), clock[70]))
    assert checked.recording.samples == 61
    assert finding(checked, "rows_after_playback").lines == ((73, 83),)
    assert not has(checked, "playback_repeats")


def test_rows_without_a_frame_amid_playback_are_dropped(damage):
    checked = check(damage("head", "VideoFrame", slice(40, 44), -1))
    assert checked.recording.samples == 68
    assert finding(checked, "rows_without_frame").lines == ((42, 45),)


def test_frame_that_is_never_reported_leaves_the_clock(damage):
    assert read_recording(damage("head", "VideoFrame", value=-1)).samples == 71


def test_playback_time_that_never_runs_is_an_error(damage):
    folder = damage("head", "PlaybackTime")
    message = r"PlaybackTime must run, found 0 in all 82 rows.*set use_timestamp_as_playback=true"
    with pytest.raises(InputError, match=message):
        read_recording(folder)
    accepted = read_recording(folder, accept=["player_not_synchronised"])
    chosen = read_recording(folder, use_timestamp_as_playback=True)
    assert torch.equal(accepted.timestamps_s, chosen.timestamps_s)


@pytest.mark.parametrize("unit_s", [1.0, 1e-3, 1e-6])
def test_timestamp_stands_in_for_playback_time_when_asked(quest_pro_tables, damage, unit_s):
    tables = {
        name: table.with_columns(pl.col("Timestamp") / unit_s)
        for name, table in quest_pro_tables.items()
    }
    folder = damage("head", "PlaybackTime", tables=tables)
    checked = check(folder, use_timestamp_as_playback=True)
    expected = pytest.approx([row / 72 for row in range(82)])
    assert checked.recording.timestamps_s.tolist() == expected
    assert finding(checked, "player_not_synchronised").severity is Severity.WARNING


def test_running_playback_time_is_used_whatever_was_asked(damage):
    checked = check(damage(), use_timestamp_as_playback=True)
    assert checked.recording.samples == 72
    assert not has(checked, "player_not_synchronised")


@pytest.mark.parametrize(
    ("timestamps", "message"),
    [
        ([f"10:00:{row:02d}" for row in range(82)], "found 10:00:00, 10:00:01, 10:00:02; convert"),
        (
            [row * 1e-5 for row in range(82)],
            "must hold numbers that count seconds, .*, found 0.0, 1e-05, 2e-05; ",
        ),
    ],
)
def test_timestamp_that_is_no_clock_is_refused(quest_pro_tables, damage, timestamps, message):
    clock = pl.Series("Timestamp", timestamps)
    tables = {name: table.with_columns(clock) for name, table in quest_pro_tables.items()}
    folder = damage("head", "PlaybackTime", tables=tables)
    with pytest.raises(InputError, match=message):
        read_recording(folder, use_timestamp_as_playback=True)
    found = finding(check(folder, use_timestamp_as_playback=True), "unreadable")
    assert found.file == str(folder / "head.csv")
    assert found.found.startswith("column Timestamp: to be used as playback time")
    assert found.remedy == "or leave the recording out"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("BothEyesValid", 0),
        ("LeftConfidence", 0),
        ("RightConfidence", 0),
        ("BlinkL", 0.51),
        ("BlinkR", 1.0),
        ("BlinkR", math.nan),
        ("GazeDir.z", 0.0),
    ],
)
def test_lost_gaze_is_marked(damage, column, value):
    recording = read_recording(damage("eye", column, slice(40, 44), value))
    lost = slice(30, 34)
    assert recording.gaze_valid.sum() == 68
    assert not recording.gaze_valid[lost].any()
    assert not recording.is_fixating[lost].any()
    assert torch.equal(recording.gaze_direction[lost], recording.viewport_center[lost])


def test_recorded_fixations_are_not_believed(quest_pro_tables, damage):
    yaw_rad = np.deg2rad(5.0) * (np.arange(82) // 2 % 2)
    eye = quest_pro_tables["eye"].with_columns(
        pl.Series("GazeDir.x", np.sin(yaw_rad)),
        pl.Series("GazeDir.y", np.zeros(82)),
        pl.Series("GazeDir.z", np.cos(yaw_rad)),
    )
    assert (eye["IsFixating"] == 1).all()
    assert not read_recording(damage(tables={"eye": eye})).is_fixating.any()


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_pupil_and_openness_change_nothing(quest_pro_tables, damage, value):
    """Defects 4 and 5: not measured, or the tracker's confidence; neither is read."""
    expected = read_recording(damage())
    names = ("LeftPupilDiam", "RightPupilDiam_NA", "LeftOpenness", "RightOpenness")
    eye = quest_pro_tables["eye"].with_columns(pl.lit(value).alias(name) for name in names)
    eye.write_csv(f"{expected.source}/eye.csv")
    recording = read_recording(expected.source)
    assert torch.equal(recording.gaze_offset_deg, expected.gaze_offset_deg)
    assert torch.equal(recording.gaze_valid, expected.gaze_valid)


def test_lost_face_is_marked_though_it_counts_as_valid(quest_pro_tables, damage):
    lost = pl.int_range(pl.len()).is_between(40, 49)
    face = quest_pro_tables["face"].with_columns(
        pl.when(lost).then(0.0).otherwise(name).alias(name) for name in FACE_WEIGHTS
    )
    folder = damage("face", "FaceIsValid", slice(60, 62), 0, tables={"face": face})
    assert read_recording(folder).face_valid.int().tolist() == (
        [1] * 30 + [0] * 10 + [1] * 10 + [0] * 2 + [1] * 20
    )


def test_face_in_percent_is_an_error_and_its_rows_are_lost(damage):
    folder = damage("face", "Jaw_Drop", slice(40, 50), 35.0)
    message = (
        r"face\.csv, line 42: column Jaw_Drop: face weights must be in \[0, 1\], found 35; if "
        "they are percentages, divide them by 100"
    )
    with pytest.raises(InputError, match=message):
        read_recording(folder)
    assert finding(check(folder), "face_out_of_range").lines == ((42, 51),)
    recording = read_recording(folder, accept=["face_out_of_range"])
    assert recording.face_valid.int().tolist() == [1] * 30 + [0] * 10 + [1] * 32
    assert recording.face.max() <= 1


def test_numbered_face_weights_are_noted(quest_pro_tables, damage):
    numbered = {name: f"Expr_{number}" for number, name in enumerate(FACE_WEIGHTS)}
    checked = check(damage(tables={"face": quest_pro_tables["face"].rename(numbered)}))
    assert finding(checked, "weights_unnamed").severity is Severity.NOTE
    assert checked.recording.face_names[24] == "Jaw_Drop"
    assert checked.recording.face[0, 24].item() == pytest.approx(0.24)


def test_whole_file_in_order_has_no_finding_of_the_reader(damage):
    codes = {one.code for one in check(damage()).findings}
    # The first 10 rows of the hand-made tables are before playback.
    assert "rows_before_playback" in codes
    assert not codes & {
        *("last_line_cut", "rows_missing", "weights_unnamed", "rows_after_playback"),
        *("rows_without_frame", "playback_repeats", "pitch_sign", "eye_missing", "face_missing"),
    }
