import math
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance, yaw_and_elevation
from vpnet.readers.david_mmsys18 import read_david_mmsys18
from vpnet.readers.parquet import read_parquet
from vpnet.recordings.frame import Frame

HEADER = "# Idx, longitude, latitude, start timestamp, duration, start frame, end frame"
PERSON = ["0,0.75,0.25,0.0,200,1,5", "1,0.5,0.5,203.9,200,6,10", "2,0.25,0.75,404.0,200,11,15"]


def written(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    scanpaths = folder / "H" / "Scanpaths"
    scanpaths.mkdir(parents=True)
    (scanpaths / "7_Somewhere_fixations.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_people_follow_each_other_and_fractions_count_from_the_left_top(tmp_path):
    recordings = list(read_david_mmsys18(written(tmp_path, PERSON * 3)))
    assert [recording.user_id for recording in recordings] == ["0", "1", "2"]
    assert {recording.video_id for recording in recordings} == {"7_Somewhere"}
    one = recordings[1]
    assert one.timestamps_s.tolist() == pytest.approx([0, 0.2039, 0.404])
    yaw_rad, elevation_rad = yaw_and_elevation(one.viewport_center)
    assert torch.rad2deg(yaw_rad).tolist() == pytest.approx([90, 0, -90])
    assert torch.rad2deg(elevation_rad).tolist() == pytest.approx([45, 0, -45])
    assert one.gaze_direction is None
    assert one.head_orientation_xyzw is None


def test_the_video_frame_is_mirrored_then_turned(tmp_path):
    root = written(tmp_path, PERSON)
    (recording,) = read_david_mmsys18(
        root / "H" / "Scanpaths", frame=Frame(video_yaw_offset_deg=30, mirror=True)
    )
    yaw_rad, _ = yaw_and_elevation(recording.viewport_center[0])
    assert math.degrees(yaw_rad) == pytest.approx(-60)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "1,1.5,0.5,203.9,200,6,10",
            r"line 3: column longitude: .* fraction in \[0, 1\], found 1.5",
        ),
        ("1,0.5,-45,203.9,200,6,10", r"line 3: column latitude: .* found -45"),
        ("1,0.5,,203.9,200,6,10", r"line 3, column latitude: .* finite number"),
        ("1,0.5,0.5,-500,200,6,10", r"line 3: playback time must not step back"),
    ],
)
def test_bad_lines_are_refused(tmp_path, line, message):
    root = written(tmp_path, [PERSON[0], line, PERSON[2]])
    with pytest.raises(InputError, match=message) as error:
        list(read_david_mmsys18(root))
    assert "7_Somewhere_fixations.csv" in str(error.value)


def test_lines_of_later_people_are_counted_from_the_top_of_the_file(tmp_path):
    root = written(tmp_path, [*PERSON, PERSON[0], "1,0.5,0.5,-500,200,6,10", PERSON[2]])
    with pytest.raises(InputError, match="line 6: playback time must not step back"):
        list(read_david_mmsys18(root))


def test_one_persons_bad_value_leaves_the_others(tmp_path):
    root = written(tmp_path, [*PERSON, PERSON[0], "1,1.5,0.5,203.9,200,6,10", *PERSON, "0,0.5"])
    checked = list(read_david_mmsys18(root).checked())
    assert [one.recording is not None for one in checked] == [True, False, True]
    codes = [[finding.code for finding in one.findings] for one in checked]
    assert codes == [[], ["unreadable"], ["last_line_cut"]]
    assert checked[1].findings[0].lines == ((6, 6),)


def test_other_columns_are_refused(tmp_path):
    with pytest.raises(InputError, match="lacks 1 of the columns .* latitude"):
        list(read_david_mmsys18(written(tmp_path, PERSON, HEADER.replace("latitude", "lat"))))


def test_a_person_with_one_sample_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 2 samples, found 1"):
        list(read_david_mmsys18(written(tmp_path, [*PERSON, PERSON[0]])))


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"must hold files H/Scanpaths/\*.csv, none was found"):
        read_david_mmsys18(tmp_path)


def test_the_original_file_gives_the_directions_of_the_parquet_file(shared):
    data = shared / "data"
    originals = list(read_david_mmsys18(data / "raw_samples" / "David_MMSys_18"))
    converted = {
        (recording.user_id, recording.video_id): recording
        for recording in read_parquet(data / "david_mmsys18.parquet")
    }
    assert len(originals) == 57
    for original in originals:
        other = converted[original.user_id, original.video_id]
        torch.testing.assert_close(
            original.timestamps_s, other.timestamps_s, atol=1e-5, rtol=0, check_dtype=True
        )
        apart_rad = great_circle_distance(original.viewport_center, other.viewport_center)
        assert torch.rad2deg(apart_rad).max() < 0.01


def test_the_parquet_file_holds_57_people_and_19_videos(shared):
    names = pl.read_parquet(shared / "data" / "david_mmsys18.parquet", columns=["user", "video"])
    assert names.n_unique() == 57 * 19
