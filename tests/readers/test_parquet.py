from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    yaw_and_elevation,
)
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles, roll_angle
from vpnet.readers.parquet import read_parquet, write_parquet
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules
from vpnet.simulation.simulated_study import simulate_recordings

ROWS = 20


def made_up_table(user: str = "u1", video: str = "v1", roll_deg: float = 10.0) -> pl.DataFrame:
    """A head that turns right and rolls, with the gaze 5 degrees above it."""
    step = torch.arange(ROWS, dtype=torch.float64)
    yaw, elevation = torch.deg2rad(3 * step), torch.deg2rad(-step)
    head = direction_from_angles(yaw, elevation)
    gaze = direction_from_angles(yaw, elevation + torch.deg2rad(torch.tensor(5.0)))
    roll = torch.full_like(yaw, roll_deg).deg2rad()
    orientation = quaternion_from_angles(yaw, elevation, roll)
    return pl.DataFrame(
        {
            "user": [user] * ROWS,
            "video": [video] * ROWS,
            "t": (step / 10).tolist(),
            **{f"head_{axis}": head[:, k].tolist() for k, axis in enumerate("xyz")},
            **{f"gaze_{axis}": gaze[:, k].tolist() for k, axis in enumerate("xyz")},
            **{f"quat_{axis}": orientation[:, k].tolist() for k, axis in enumerate("xyzw")},
        }
    )


def with_value(table: pl.DataFrame, column: str, row: int, value: object) -> pl.DataFrame:
    values = table[column].to_list()
    values[row] = value
    return table.with_columns(pl.Series(column, values, dtype=table.schema[column], strict=False))


def written(table: pl.DataFrame, folder: Path) -> Path:
    path = folder / "recordings.parquet"
    table.write_parquet(path)
    return path


def test_streams_of_a_file_with_all_columns(tmp_path):
    table = pl.concat([made_up_table(), made_up_table("u2")])
    first, second = read_parquet(written(table, tmp_path))
    assert (first.user_id, first.video_id, second.user_id) == ("u1", "v1", "u2")
    yaw_rad, elevation_rad = yaw_and_elevation(first.viewport_center)
    step = torch.arange(ROWS, dtype=torch.float64)
    torch.testing.assert_close(torch.rad2deg(yaw_rad), 3 * step, atol=1e-9, rtol=0)
    torch.testing.assert_close(torch.rad2deg(elevation_rad), -step, atol=1e-9, rtol=0)
    torch.testing.assert_close(first.timestamps_s, step / 10)
    assert first.head_orientation_xyzw is not None
    roll_deg = torch.rad2deg(roll_angle(first.head_orientation_xyzw))
    torch.testing.assert_close(roll_deg, torch.full_like(step, 10))
    assert first.gaze_valid is not None
    assert first.gaze_valid.all()
    assert first.gaze_offset_deg is not None
    torch.testing.assert_close(first.gaze_offset_deg[:, 2], torch.full_like(step, 5))


def test_a_file_with_the_head_alone(tmp_path):
    table = made_up_table().select("user", "video", "t", "head_x", "head_y", "head_z")
    (recording,) = read_parquet(written(table, tmp_path))
    assert recording.gaze_direction is None
    assert recording.head_orientation_xyzw is None


def test_recordings_may_lie_between_each_other_and_keep_their_order(tmp_path):
    both = pl.concat([made_up_table("b"), made_up_table("a")]).with_row_index("row")
    mixed = both.sort(pl.col("row") % ROWS, maintain_order=True).drop("row")
    recordings = list(read_parquet(written(mixed, tmp_path)))
    assert [recording.user_id for recording in recordings] == ["b", "a"]
    assert [recording.samples for recording in recordings] == [ROWS, ROWS]


def test_ids_that_are_numbers_become_text(tmp_path):
    table = made_up_table().with_columns(pl.lit(7).alias("user"))
    assert list(read_parquet(written(table, tmp_path)))[0].user_id == "7"


def test_single_precision_time_is_read_as_the_decimal_that_was_meant(tmp_path):
    table = made_up_table().with_columns((pl.col("t") + 49.3).cast(pl.Float32))
    (recording,) = read_parquet(written(table, tmp_path))
    assert recording.timestamps_s[0].item() == 49.3


def test_the_video_frame_is_mirrored_then_turned(tmp_path):
    path = written(made_up_table(), tmp_path)
    (recording,) = read_parquet(path, frame=Frame(video_yaw_offset_deg=90, mirror=True))
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center)
    step = torch.arange(ROWS, dtype=torch.float64)
    torch.testing.assert_close(torch.rad2deg(yaw_rad), 90 - 3 * step, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.rad2deg(elevation_rad), -step, atol=1e-6, rtol=0)
    assert recording.head_orientation_xyzw is not None
    torch.testing.assert_close(
        torch.rad2deg(roll_angle(recording.head_orientation_xyzw)), torch.full_like(step, -10)
    )


def test_settings_reach_the_gaze(tmp_path):
    path = written(made_up_table(), tmp_path)
    (recording,) = read_parquet(path, gaze=GazeRules(max_gaze_offset_deg=4))
    assert recording.gaze_valid is not None
    assert not recording.gaze_valid.any()
    (slow,) = read_parquet(path, gaze=GazeRules(velocity_threshold_deg_s=1))
    (fast,) = read_parquet(path, gaze=GazeRules(velocity_threshold_deg_s=1000))
    assert slow.is_fixating is not None
    assert not slow.is_fixating.any()
    assert fast.is_fixating is not None
    assert fast.is_fixating.any()


def test_empty_values_and_gaze_valid_mark_lost_samples(tmp_path):
    table = made_up_table()
    for column in ("gaze_x", "gaze_y", "gaze_z"):
        table = with_value(table, column, 3, None)
    for column in ("head_x", "head_y", "head_z"):
        table = with_value(table, column, 5, None)
    table = table.with_columns(pl.Series("gaze_valid", [row != 7 for row in range(ROWS)]))
    (recording,) = read_parquet(written(table, tmp_path))
    assert recording.gaze_valid is not None
    assert torch.nonzero(~recording.gaze_valid).squeeze(-1).tolist() == [3, 5, 7]
    assert torch.nonzero(~recording.head_valid).squeeze(-1).tolist() == [5]
    assert recording.head_orientation_xyzw is not None


def test_a_repeated_time_keeps_its_first_row(tmp_path):
    (recording,) = read_parquet(written(with_value(made_up_table(), "t", 4, 0.3), tmp_path))
    assert recording.samples == ROWS - 1
    assert torch.rad2deg(yaw_and_elevation(recording.viewport_center)[0])[3] == pytest.approx(9)


def test_a_quaternion_in_another_frame_is_left_out_with_a_finding(tmp_path):
    turned = made_up_table("u2").with_columns(-pl.col("quat_y"))
    path = written(pl.concat([made_up_table("u1"), turned, made_up_table("u3")]), tmp_path)
    checked = list(read_parquet(path).checked())
    left_out = ["orientation_left_out" in {one.code for one in each.findings} for each in checked]
    assert left_out == [False, True, False]
    for each, lacks in zip(checked, left_out, strict=True):
        assert each.recording is not None
        assert (each.recording.head_orientation_xyzw is None) == lacks


def test_the_limit_of_disagreement_is_a_setting(tmp_path):
    off = made_up_table().with_columns(pl.col("quat_y") + 0.001)
    path = written(off, tmp_path)
    assert list(read_parquet(path))[0].head_orientation_xyzw is not None
    (strict,) = read_parquet(path, max_quaternion_disagreement_deg=0.01)
    assert strict.head_orientation_xyzw is None
    with pytest.raises(InputError, match=r"max_quaternion_disagreement_deg .* got 2"):
        list(read_parquet(path, max_quaternion_disagreement_deg=2))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("t", float("nan"), r"row 5, column t: every row must have a value, found nan"),
        ("t", None, r"row 5, column t: .* found None"),
        ("user", None, r"row 5, column user: .* found None"),
        ("head_x", float("nan"), r"row 5, columns head_x to head_z: .* length 1 .* found \[nan"),
        ("head_y", 2.0, r"row 5, columns head_x to head_z: .* \(1 rows are wrong\)"),
        ("head_z", None, r"row 5, columns head_x to head_z: .* all empty"),
        ("gaze_x", float("inf"), r"row 5, columns gaze_x to gaze_z"),
        ("quat_w", 0.0, r"row 5, columns quat_x to quat_w"),
        ("t", -3.0, r"line 5: playback time must not step back"),
    ],
)
def test_bad_values_are_refused_with_their_row(tmp_path, column, value, message):
    path = written(with_value(made_up_table(), column, 4, value), tmp_path)
    with pytest.raises(InputError, match=message) as error:
        list(read_parquet(path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        ("head_y", "lacks the columns head_y"),
        ("t", "lacks the columns t"),
        ("gaze_y", "lacks the columns gaze_y"),
        ("quat_w", "lacks the columns quat_w"),
    ],
)
def test_missing_columns_are_named(tmp_path, dropped, message):
    with pytest.raises(InputError, match=message):
        list(read_parquet(written(made_up_table().drop(dropped), tmp_path)))


def test_gaze_valid_needs_the_gaze(tmp_path):
    table = made_up_table().drop("gaze_x", "gaze_y", "gaze_z").with_columns(gaze_valid=True)
    with pytest.raises(InputError, match="lacks the columns gaze_x, gaze_y, gaze_z"):
        list(read_parquet(written(table, tmp_path)))


def test_text_where_a_number_is_due_is_refused(tmp_path):
    table = made_up_table().with_columns(pl.lit("north").alias("head_x"))
    with pytest.raises(InputError, match="a column has the wrong type"):
        list(read_parquet(written(table, tmp_path)))


def test_what_is_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "recordings.parquet"
    with pytest.raises(InputError, match="cannot be read"):
        list(read_parquet(path))
    path.write_text("user,video,t\n")
    with pytest.raises(InputError, match="cannot be read"):
        list(read_parquet(path))
    made_up_table().clear().write_parquet(path)
    with pytest.raises(InputError, match="no rows"):
        list(read_parquet(path))


def test_recordings_survive_the_round_trip(tmp_path):
    lost = made_up_table("u2")
    for column in ("gaze_x", "gaze_y", "gaze_z"):
        lost = with_value(lost, column, 3, None)
    for column in ("head_x", "head_y", "head_z"):
        lost = with_value(lost, column, 8, None)
    gazeless = made_up_table("u3").with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name)
        for name in ("gaze_x", "gaze_y", "gaze_z", "quat_x", "quat_y", "quat_z", "quat_w")
    )
    recordings = list(read_parquet(written(pl.concat([made_up_table(), lost, gazeless]), tmp_path)))
    path = tmp_path / "new folder" / "copy.parquet"
    write_parquet(recordings, path)
    returned = list(read_parquet(path))
    assert [path.name for path in path.parent.iterdir()] == ["copy.parquet"]
    assert len(returned) == 3
    assert returned[2].gaze_direction is None
    assert returned[2].head_orientation_xyzw is None
    for before, after in zip(recordings, returned, strict=True):
        assert (before.user_id, before.video_id) == (after.user_id, after.video_id)
        for name in (
            "timestamps_s",
            "viewport_center",
            "head_valid",
            "head_orientation_xyzw",
            "gaze_direction",
            "gaze_valid",
            "gaze_offset_deg",
            "is_fixating",
            "fixation_duration_s",
        ):
            torch.testing.assert_close(getattr(after, name), getattr(before, name), msg=name)


def test_streams_that_no_recording_has_get_no_columns(tmp_path):
    table = made_up_table().select("user", "video", "t", "head_x", "head_y", "head_z")
    recordings = list(read_parquet(written(table, tmp_path)))
    write_parquet(recordings, tmp_path / "copy.parquet")
    assert pl.read_parquet(tmp_path / "copy.parquet").columns == table.columns


def test_writing_refuses_what_the_format_cannot_hold(tmp_path):
    (recording,) = read_parquet(written(made_up_table(), tmp_path))
    path = tmp_path / "copy.parquet"
    with pytest.raises(InputError, match="user 'u1' and video 'v1' twice"):
        write_parquet([recording, recording], path)
    with pytest.raises(InputError, match="no recordings to write"):
        write_parquet([], path)
    assert not path.exists()


def test_quaternions_of_real_recordings_agree_with_their_head_direction(shared):
    recordings = list(read_parquet(shared / "data" / "wu_mmsys17.parquet"))
    assert len(recordings) == 48 * 18
    assert all(recording.head_orientation_xyzw is not None for recording in recordings)
    one = recordings[100]
    assert one.head_orientation_xyzw is not None
    apart_rad = great_circle_distance(
        one.viewport_center, forward_direction(one.head_orientation_xyzw)
    )
    assert torch.rad2deg(apart_rad).max() < 0.1


def test_gaze_that_is_out_of_reach_in_real_recordings_is_marked(shared, tmp_path):
    table = pl.read_parquet(shared / "data" / "xu_cvpr18.parquet")
    path = written(table.filter(pl.col("user").is_in(["p001", "p013"])), tmp_path)
    lost: dict[str, list] = {"p001": [], "p013": []}
    for recording in read_parquet(path):
        assert recording.gaze_direction is not None
        offset_deg = torch.rad2deg(
            great_circle_distance(recording.viewport_center, recording.gaze_direction)
        )
        assert (offset_deg <= 60 + 1e-6).all()
        assert recording.gaze_valid is not None
        lost[recording.user_id].append(~recording.gaze_valid)
    # The tracker lost this person's eyes in about one sample of nine.
    assert 0.05 < torch.cat(lost["p013"]).double().mean() < 0.15
    assert not torch.cat(lost["p001"]).any()


def test_what_the_format_cannot_hold_is_told(tmp_path, caplog):
    recordings = simulate_recordings(users=1, videos=1, duration_s=4.0)
    assert recordings[0].answers
    write_parquet(recordings, tmp_path / "all.parquet")
    for name in ("face", "answers"):
        assert f"the {name} of 1 of 1 recordings are not written" in caplog.text
