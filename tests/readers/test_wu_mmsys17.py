import math
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance, yaw_and_elevation
from vpnet.geometry.rotations import quaternion_from_angles, roll_angle
from vpnet.readers.parquet import read_parquet
from vpnet.readers.wu_mmsys17 import read_wu_mmsys17
from vpnet.recordings.frame import Frame
from vpnet.studies.study import StudyOptions

ROWS = 30


def made_up_table() -> pl.DataFrame:
    """Ten rows before playback, then a head that turns right, 20 degrees up, rolled by 10."""
    step = torch.arange(ROWS, dtype=torch.float64)
    ones = torch.ones_like(step)
    orientation = quaternion_from_angles(
        torch.deg2rad(step), torch.deg2rad(20 * ones), torch.deg2rad(10 * ones)
    )
    return pl.DataFrame(
        {
            "Timestamp": [f"2016-12-18 10:46:{second:02d}.123" for second in range(ROWS)],
            "PlaybackTime": ((step - 9) / 30).clamp(min=0).tolist(),
            **{f"UnitQuaternion.{a}": orientation[:, k].tolist() for k, a in enumerate("xyzw")},
            **{f"HmdPosition.{a}": [0.1] * ROWS for a in "xyz"},
        }
    )


def written(folder: Path, table: pl.DataFrame, name: str = "Experiment_1/12/video_3.csv") -> Path:
    path = folder / "Formated_Data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write_csv(path)
    return folder


def test_names_rows_before_playback_and_orientation(tmp_path):
    written(tmp_path, made_up_table())
    written(tmp_path, made_up_table(), "Experiment_2/4/video_0.csv")
    first, second = read_wu_mmsys17(tmp_path, study=StudyOptions(accept=["copied_recording"]))
    assert (first.user_id, first.video_id) == ("12", "1_3")
    assert (second.user_id, second.video_id) == ("4", "2_0")
    assert first.samples == ROWS - 10, "none of the rows at 0 is known to begin the playback"
    assert first.timestamps_s[0].item() == pytest.approx(1 / 30)
    yaw_rad, elevation_rad = yaw_and_elevation(first.viewport_center)
    assert torch.rad2deg(yaw_rad).tolist() == pytest.approx(list(range(10, ROWS)))
    assert torch.rad2deg(elevation_rad).tolist() == pytest.approx([20] * (ROWS - 10))
    assert first.head_orientation_xyzw is not None
    assert torch.rad2deg(roll_angle(first.head_orientation_xyzw)[0]) == pytest.approx(10)
    assert first.gaze_direction is None


def test_columns_are_found_by_name_and_others_ignored(tmp_path):
    table = made_up_table()
    shuffled = table.select(reversed(table.columns)).with_columns(Note=pl.lit("x"))
    (recording,) = read_wu_mmsys17(written(tmp_path, shuffled))
    assert math.degrees(yaw_and_elevation(recording.viewport_center)[0][0]) == pytest.approx(10)


def test_the_video_frame_is_mirrored_then_turned(tmp_path):
    root = written(tmp_path, made_up_table())
    (recording,) = read_wu_mmsys17(
        root / "Formated_Data", frame=Frame(video_yaw_offset_deg=30, mirror=True)
    )
    yaw_rad, _ = yaw_and_elevation(recording.viewport_center)
    assert math.degrees(yaw_rad[0]) == pytest.approx(20)
    assert recording.head_orientation_xyzw is not None
    assert torch.rad2deg(roll_angle(recording.head_orientation_xyzw)[0]) == pytest.approx(-10)


def test_a_player_that_was_not_synchronised_is_refused_unless_asked_for(tmp_path):
    stopped = made_up_table().with_columns(PlaybackTime=0.0)
    root = written(tmp_path, stopped)
    with pytest.raises(InputError, match=r"(?s)PlaybackTime must run, found 0.*must hold numbers"):
        list(read_wu_mmsys17(root))
    with pytest.raises(InputError, match="must hold numbers"):
        list(read_wu_mmsys17(root, use_timestamp_as_playback=True))
    written(tmp_path, stopped.with_columns(Timestamp=pl.int_range(pl.len()) / 30))
    (recording,) = read_wu_mmsys17(root, use_timestamp_as_playback=True)
    assert recording.duration_s == pytest.approx((ROWS - 1) / 30)


def test_bad_quaternions_and_missing_columns_are_refused(tmp_path):
    table = made_up_table()
    long = table.with_columns(pl.col("UnitQuaternion.w") * 1.2)
    with pytest.raises(
        InputError, match=r"video_3.csv, line 12: UnitQuaternion must have length 1"
    ):
        list(read_wu_mmsys17(written(tmp_path, long)))
    with pytest.raises(InputError, match=r"video_3.csv: .* lacks 1 of the columns .* PlaybackTime"):
        list(read_wu_mmsys17(written(tmp_path, table.drop("PlaybackTime"))))


def test_other_names_are_refused(tmp_path):
    with pytest.raises(InputError, match="must be named Experiment_E/U/video_K.csv"):
        read_wu_mmsys17(written(tmp_path, made_up_table(), "Experiment_1/12/video_intro.csv"))
    with pytest.raises(InputError, match="Formated_Data/Experiment_.* none was found"):
        read_wu_mmsys17(tmp_path.parent)


def test_real_quaternions_in_the_original_columns_give_the_real_directions(shared, tmp_path):
    """Not an original file: real samples of the parquet file under the authors' column names."""
    table = pl.read_parquet(shared / "data" / "wu_mmsys17.parquet")
    table = table.filter((pl.col("user") == "6") & (pl.col("video") == "1_4"))
    table.write_parquet(tmp_path / "one.parquet")
    (converted,) = read_parquet(tmp_path / "one.parquet")
    original = table.select(
        pl.col("t").alias("Timestamp"),
        pl.col("t").alias("PlaybackTime"),
        *(pl.col(f"quat_{axis}").alias(f"UnitQuaternion.{axis}") for axis in "xyzw"),
    )
    (recording,) = read_wu_mmsys17(written(tmp_path, original, "Experiment_1/6/video_4.csv"))
    assert (recording.user_id, recording.video_id) == (converted.user_id, converted.video_id)
    torch.testing.assert_close(recording.timestamps_s, converted.timestamps_s, atol=1e-4, rtol=0)
    apart_rad = great_circle_distance(recording.viewport_center, converted.viewport_center)
    assert torch.rad2deg(apart_rad).max() < 0.1
