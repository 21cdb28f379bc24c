import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import (
    great_circle_distance,
    normalize,
    yaw_and_elevation,
)
from vpnet.readers.parquet import read_parquet
from vpnet.readers.xu_cvpr18 import read_xu_cvpr18
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules

LINES = [f"frame,{i},forward,{0.5 + i / 1000},0.6,eye,{0.51 + i / 1000},0.55" for i in range(1, 31)]


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Function that writes one made-up recording of video 001 at 25 fps and gives the root."""

    def write(
        lines: list[str] = LINES,
        videos: str | None = "video,fps\n001,25.0\n",
        name: str = "001._2017-10-12-18-31_ori_0.txt",
    ) -> Path:
        folder = tmp_path / "Gaze_txt_files" / "p001"
        folder.mkdir(parents=True)
        (folder / name).write_text("\n".join(lines) + "\n")
        if videos is not None:
            (tmp_path / "xu_cvpr18_videos.csv").write_text(videos)
        return tmp_path

    return write


def test_fractions_count_from_the_left_bottom_and_frames_from_one(dataset):
    (recording,) = read_xu_cvpr18(dataset())
    assert (recording.user_id, recording.video_id) == ("p001", "001")
    torch.testing.assert_close(recording.timestamps_s, torch.arange(30, dtype=torch.float64) / 25)
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center[0])
    assert math.degrees(yaw_rad) == pytest.approx(0.36)
    assert math.degrees(elevation_rad) == pytest.approx(18)
    assert recording.gaze_direction is not None
    yaw_rad, elevation_rad = yaw_and_elevation(recording.gaze_direction[0])
    assert math.degrees(yaw_rad) == pytest.approx(3.96)
    assert math.degrees(elevation_rad) == pytest.approx(9)
    assert recording.head_orientation_xyzw is None
    assert recording.gaze_offset_deg is not None
    assert recording.gaze_offset_deg[0, 1] < 0, "the gaze is below the head"


def test_the_root_may_be_the_inner_folder_and_settings_are_passed_on(dataset):
    root = dataset()
    (recording,) = read_xu_cvpr18(
        root / "Gaze_txt_files",
        videos_csv=root / "xu_cvpr18_videos.csv",
        frame=Frame(video_yaw_offset_deg=90),
        gaze=GazeRules(max_gaze_offset_deg=1),
    )
    assert math.degrees(yaw_and_elevation(recording.viewport_center[0])[0]) == pytest.approx(90.36)
    assert recording.gaze_valid is not None
    assert not recording.gaze_valid.any()


def test_lost_gaze_is_marked_and_a_cut_last_line_dropped(dataset):
    lines = LINES.copy()
    lines[4] = "frame,5,forward,0.505,0.6,eye,NaN,NaN"
    lines[6] = "frame,7,forward,0.507,0.6,eye,0.5,1.2"
    (checked,) = read_xu_cvpr18(dataset([*lines, "frame,31,forward,0.531"])).checked()
    recording = checked.recording
    assert recording is not None
    assert recording.samples == 30
    assert recording.gaze_valid is not None
    assert torch.nonzero(~recording.gaze_valid).squeeze(-1).tolist() == [4, 6]
    (cut,) = [finding for finding in checked.findings if finding.code == "last_line_cut"]
    assert "line 31: the last line is cut off, found 4 of 8 values" in cut.message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "frame,5,forward,0.505,north,eye,0.5,0.5",
            r"line 5: a line must be frame,i.* found .*north",
        ),
        ("frame,5,forward,1.505,0.6,eye,0.5,0.5", r"line 5: .* found frame,5,forward,1.505"),
        ("frame,0,forward,0.505,0.6,eye,0.5,0.5", r"line 5: .* with i from 1"),
        ("image,5,forward,0.505,0.6,eye,0.5,0.5", r"line 5: .* found image,5"),
        ("frame,5,forward", r"line 5: .* found frame,5,forward"),
        ("frame,5,forward,0.5,0.6,eye,0.5,0.5,9", r"cannot be read so"),
        ("frame,1,forward,0.505,0.6,eye,0.5,0.5", r"line 5: playback time must not step back"),
    ],
)
def test_bad_lines_are_refused(dataset, line, message):
    root = dataset([*LINES[:4], line, *LINES[5:]])
    with pytest.raises(InputError, match=message) as error:
        list(read_xu_cvpr18(root))
    assert "001._2017-10-12-18-31_ori_0.txt" in str(error.value)


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        (
            None,
            r"recordings count frames, .* columns video \(three digits\) and fps, .* videos_csv",
        ),
        ("video,fps\n002,25.0\n", r"frame rate of video 001 is missing"),
        ("video,rate\n001,25.0\n", r"lacks 1 of the columns .* fps"),
        ("video,fps\n001,0\n", r"line 2, column fps: .* above 0 .* found 0"),
        ("video,fps\n001,unknown\n", r"line 2, column fps: .* found 'unknown'"),
    ],
)
def test_frame_rates_are_never_guessed(dataset, videos, message):
    with pytest.raises(InputError, match=message):
        read_xu_cvpr18(dataset(videos=videos))


def test_video_numbers_without_their_zeros_are_understood(dataset):
    assert len(list(read_xu_cvpr18(dataset(videos="video,fps\n1,25\n")))) == 1


def test_names_without_a_video_number_are_refused(dataset):
    with pytest.raises(InputError, match="must begin with the video's three digits"):
        read_xu_cvpr18(dataset(name="notes.txt"))


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"must hold files Gaze_txt_files/\*/\*.txt, none was found"
    ):
        read_xu_cvpr18(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_xu_cvpr18(tmp_path / "absent")


def test_original_files_give_the_directions_of_the_parquet_file(shared, tmp_path):
    """The parquet file holds the same recordings interpolated at 10 Hz, rounded to 1/8192."""
    data = shared / "data"
    originals = list(
        read_xu_cvpr18(
            data / "raw_samples" / "Xu_CVPR_18",
            videos_csv=data / "xu_cvpr18_videos.csv",
            gaze=GazeRules(max_gaze_offset_deg=None),
        )
    )
    users = sorted({recording.user_id for recording in originals})
    selection = tmp_path / "selection.parquet"
    table = pl.read_parquet(data / "xu_cvpr18.parquet").filter(pl.col("user").is_in(users))
    table.write_parquet(selection)
    converted = {
        (recording.user_id, recording.video_id): recording
        for recording in read_parquet(selection, gaze=GazeRules(max_gaze_offset_deg=None))
    }
    assert len(originals) == 12
    for original in originals:
        other = converted[original.user_id, original.video_id]
        after = torch.searchsorted(original.timestamps_s, other.timestamps_s).clamp(min=1)
        start_s, end_s = original.timestamps_s[after - 1], original.timestamps_s[after]
        fraction = ((other.timestamps_s - start_s) / (end_s - start_s)).unsqueeze(-1)
        for name in ("viewport_center", "gaze_direction"):
            stream = getattr(original, name)
            expected = normalize(torch.lerp(stream[after - 1], stream[after], fraction))
            apart_deg = torch.rad2deg(great_circle_distance(expected, getattr(other, name)))
            assert apart_deg.max() < 0.05
            assert apart_deg.median() < 0.01
