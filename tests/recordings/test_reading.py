import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.recordings.parquet import write_parquet
from vpnet.recordings.reading import read_any, reading_settings


def test_a_folder_with_head_csv_is_one_recording(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (recording,) = read_any(folder)
    assert (recording.user_id, recording.video_id) == ("P1", "video_01")
    (same,) = read_any(str(folder))
    assert same.samples == recording.samples


def test_a_folder_of_folders_is_a_study(quest_pro_tables, write_quest_pro, tmp_path):
    for name in ("P2/video_01", "P1/video_02", "P1/video_01"):
        write_quest_pro(quest_pro_tables, name)
    read = [(recording.user_id, recording.video_id) for recording in read_any(tmp_path)]
    assert read == [("P1", "video_01"), ("P1", "video_02"), ("P2", "video_01")]


def test_a_parquet_file_is_what_it_holds(quest_pro_tables, write_quest_pro, tmp_path):
    recordings = read_any(write_quest_pro(quest_pro_tables))
    path = tmp_path / "recordings.parquet"
    write_parquet(recordings, path)
    (again,) = read_any(path)
    assert again.samples == recordings[0].samples
    assert again.source == str(path)


@pytest.mark.parametrize("kind", ["recording", "study", "parquet"])
def test_settings_reach_every_reader(quest_pro_tables, write_quest_pro, tmp_path, kind):
    folder = write_quest_pro(quest_pro_tables)
    path = {"recording": folder, "study": tmp_path}.get(kind)
    if path is None:
        path = tmp_path / "recordings.parquet"
        write_parquet(read_any(folder), path)
    (plain,) = read_any(path)
    (mirrored,) = read_any(path, mirror=True)
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(mirrored.viewport_center, plain.viewport_center * mirror)
    (narrow,) = read_any(path, max_gaze_offset_deg=1.0)
    assert plain.gaze_valid is not None
    assert narrow.gaze_valid is not None
    assert plain.gaze_valid.all()
    assert not narrow.gaze_valid.any()


def test_settings_of_any_reader_are_sifted():
    settings = {
        "_target_": "x",
        "root": "a",
        "mirror": True,
        "max_quaternion_disagreement_deg": 0.1,
    }
    assert reading_settings(settings) == {"mirror": True}


@pytest.mark.parametrize("name", ["head.csv", "table.txt", "none.parquet", "none"])
def test_anything_else_is_refused(tmp_path, name):
    path = tmp_path / name
    if not name.startswith("none"):
        path.write_text("Timestamp\n1\n")
    found = "nothing is there" if name.startswith("none") else "this is another kind of file"
    with pytest.raises(InputError, match=rf"{name}: a recording is a .parquet file .*; {found}"):
        read_any(path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no recordings found, only nothing; expected ROOT"):
        read_any(tmp_path)


def test_a_parquet_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "table.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match=r"table.parquet"):
        read_any(path)
