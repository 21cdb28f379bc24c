import av
import numpy as np
import pytest

from vpnet.errors import InputError
from vpnet.studies.video_durations import read_video_durations


def write_video(path, frames, rate_hz=10):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate_hz)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for _ in range(frames):
            picture = av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def test_durations_of_a_table(tmp_path):
    table = tmp_path / "durations.csv"
    table.write_text("video,duration_s,title\nv1,169.0,A\nv2, 60.5 ,B\n")
    assert read_video_durations(table) == {"v1": 169.0, "v2": 60.5}


def test_durations_of_videos(tmp_path):
    write_video(tmp_path / "v1.mp4", frames=20)
    write_video(tmp_path / "v2.MKV", frames=35)
    (tmp_path / "notes.txt").write_text("not a video")
    assert read_video_durations(tmp_path) == pytest.approx({"v1": 2.0, "v2": 3.5}, abs=0.11)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("v1,10\nv1,12\n", r"line 3: each video must be named once, found v1 twice; correct"),
        (",10\n", r"line 2: each video must be named once, found no name"),
        ("v1,0\n", r"line 2, column duration_s: .* longer than 0 s, found 0"),
        ("v1,long\n", r"line 2, column duration_s: .* finite number, found 'long'"),
    ],
)
def test_tables_that_break_a_rule(tmp_path, rows, message):
    table = tmp_path / "durations.csv"
    table.write_text("video,duration_s\n" + rows)
    with pytest.raises(InputError, match=message):
        read_video_durations(table)


def test_a_table_without_durations(tmp_path):
    table = tmp_path / "durations.csv"
    table.write_text("video,seconds\nv1,10\n")
    with pytest.raises(InputError, match="lacks 1 of the columns it must have: duration_s"):
        read_video_durations(table)


def test_paths_that_hold_no_durations(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        read_video_durations(tmp_path / "nowhere")
    with pytest.raises(InputError, match="the folder must hold videos"):
        read_video_durations(tmp_path)


def test_files_that_are_no_video(tmp_path):
    (tmp_path / "v1.mp4").write_bytes(b"no video at all")
    with pytest.raises(InputError, match=r"v1.mp4: the video cannot be opened"):
        read_video_durations(tmp_path)


def test_one_video_in_two_files(tmp_path):
    for name in ("v1.mkv", "v1.mp4"):
        write_video(tmp_path / name, frames=3)
    with pytest.raises(InputError, match="found v1 with another ending as well"):
        read_video_durations(tmp_path)


def test_names_of_files_in_a_table_are_names_of_videos(tmp_path):
    table = tmp_path / "durations.csv"
    table.write_text("video,duration_s\nv1.mp4,169\nv.2.MKV,60\nv3.raw,5\n")
    assert read_video_durations(table) == {"v1": 169.0, "v.2": 60.0, "v3.raw": 5.0}
    table.write_text("video,duration_s\nv1.mp4,169\nv1,60\n")
    with pytest.raises(InputError, match="line 3: each video must be named once, found v1 twice"):
        read_video_durations(table)
