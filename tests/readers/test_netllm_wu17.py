from pathlib import Path

import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.rotations import rotate
from vpnet.readers.parquet import read_parquet
from vpnet.readers.wu_mmsys17 import orientation_from_zxy, read_netllm_wu17

LINES = ["0.000000,0,0,0", "0.192000,0,-30,0", "0.405000,0,0,90", "0.600000,20,0,0"]


def written(folder: Path, lines: list[str], name: str = "video3/5Hz/simple_5Hz_user4.csv") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return folder


def test_single_turns_are_those_of_unity(tmp_path):
    (recording,) = read_netllm_wu17(written(tmp_path, LINES))
    assert (recording.user_id, recording.video_id) == ("4", "1_2")
    assert recording.timestamps_s.tolist() == [0, 0.192, 0.405, 0.6]
    half = 3**0.5 / 2
    expected = [[0, 0, 1], [0, 0.5, half], [1, 0, 0], [0, 0, 1]]
    torch.testing.assert_close(
        recording.viewport_center, torch.tensor(expected, dtype=torch.float64)
    )


@settings(max_examples=50, deadline=None)
@given(angles_deg=st.tuples(*[st.floats(-180, 180)] * 3))
def test_the_order_is_intrinsic_zxy(angles_deg):
    found = orientation_from_zxy(*torch.deg2rad(torch.tensor(angles_deg, dtype=torch.float64)))
    expected = Rotation.from_euler("ZXY", angles_deg, degrees=True)
    for vector in torch.eye(3, dtype=torch.float64):
        turned = torch.from_numpy(expected.apply(vector.numpy()))
        torch.testing.assert_close(rotate(found, vector), turned, atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0.405,0,0,north", r"line 3: a line must be t,roll,pitch,yaw, .* found 0.405,0,0,north"),
        ("0.405,0,0,900", r"line 3: .* found 0.405,0,0,900"),
        ("0.405,0,0", r"line 3: .* found 0.405,0,0,"),
        ("-1,0,0,0", r"line 3: playback time must not step back"),
    ],
)
def test_bad_lines_are_refused(tmp_path, line, message):
    root = written(tmp_path, [*LINES[:2], line, LINES[3]])
    with pytest.raises(InputError, match=message):
        list(read_netllm_wu17(root))


@pytest.mark.parametrize(
    "name", ["video0/5Hz/simple_5Hz_user4.csv", "videoX/5Hz/simple_5Hz_user1.csv"]
)
def test_other_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"must be named videoN/5Hz/simple_5Hz_userK.csv"):
        read_netllm_wu17(written(tmp_path, LINES, name))


def test_original_files_agree_with_the_quaternions_of_the_same_viewings(shared, tmp_path):
    data = shared / "data"
    originals = list(read_netllm_wu17(data / "raw_samples" / "NetLLM_Wu2017"))
    assert len(originals) == 12
    selection = tmp_path / "selection.parquet"
    table = pl.read_parquet(data / "wu_mmsys17.parquet")
    table.filter(pl.col("user").is_in(["1", "2", "3", "4"])).write_parquet(selection)
    converted = {(one.user_id, one.video_id): one for one in read_parquet(selection)}
    for original in originals:
        other = converted[original.user_id, original.video_id]
        torch.testing.assert_close(original.timestamps_s, other.timestamps_s, atol=1e-4, rtol=0)
        apart_rad = great_circle_distance(original.viewport_center, other.viewport_center)
        assert torch.rad2deg(apart_rad).max() < 0.05
        assert original.head_orientation_xyzw is not None
        assert other.head_orientation_xyzw is not None
        up = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        tilt_rad = great_circle_distance(
            rotate(original.head_orientation_xyzw, up), rotate(other.head_orientation_xyzw, up)
        )
        assert torch.rad2deg(tilt_rad).max() < 0.06
