import inspect

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.recordings.parquet import write_parquet
from vpnet.recordings.reading import READERS, read_any, reading_settings, recognise_layout


def test_a_folder_with_head_csv_is_one_recording(quest_pro_tables, write_quest_pro):
    folder = write_quest_pro(quest_pro_tables)
    (recording,) = read_any(folder)
    assert (recording.user_id, recording.video_id) == ("P1", "video_01")
    (same,) = read_any(str(folder))
    assert same.samples == recording.samples


def test_a_folder_of_folders_is_a_study(quest_pro_tables, write_quest_pro, tmp_path):
    for name in ("P2/video_01", "P1/video_02", "P1/video_01"):
        write_quest_pro(quest_pro_tables, name)
    study = read_any(tmp_path, accept=["copied_recording"])
    read = [(recording.user_id, recording.video_id) for recording in study]
    assert read == [("P1", "video_01"), ("P1", "video_02"), ("P2", "video_01")]


def test_a_parquet_file_is_what_it_holds(quest_pro_tables, write_quest_pro, tmp_path):
    recordings = list(read_any(write_quest_pro(quest_pro_tables)))
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
        "name": "x",
        "root": "a",
        "mirror": True,
        "max_quaternion_disagreement_deg": 0.1,
        "users": 3,
        "exclude": "list.csv",
        "accept": ["euler_disagrees"],
        "workers": 2,
    }
    kept = {"mirror", "max_quaternion_disagreement_deg", "accept"}
    assert reading_settings(settings) == {name: settings[name] for name in kept}


def test_every_setting_of_a_reader_is_one_of_read_any():
    of_any = inspect.signature(read_any).parameters.keys()
    for name, read in READERS.items():
        assert inspect.signature(read).parameters.keys() - of_any <= {"root"}, name


def test_a_setting_that_a_reader_lacks_is_passed_over(shared):
    folder = shared / "data" / "raw_samples" / "NetLLM_Wu2017" / "video1"
    (*_, last) = read_any(folder, max_gaze_offset_deg=10, mirror=True, workers=1)
    (*_, plain) = read_any(folder, layout="netllm_wu17")
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(last.viewport_center, plain.viewport_center * mirror)


@pytest.mark.parametrize(
    ("inner", "layout", "recordings"),
    [
        ("Xu_CVPR_18", "xu_cvpr18", 12),
        ("Xu_CVPR_18/Gaze_txt_files", "xu_cvpr18", 12),
        ("Xu_CVPR_18/Gaze_txt_files/p001", "xu_cvpr18", 3),
        ("David_MMSys_18", "david_mmsys18", 57),
        ("David_MMSys_18/H", "david_mmsys18", 57),
        ("David_MMSys_18/H/Scanpaths/1_PortoRiverside_fixations.csv", "david_mmsys18", 57),
        ("Nasrabadi_MMSys_19", "nasrabadi_mmsys19", 4),
        ("Nasrabadi_MMSys_19/Traces", "nasrabadi_mmsys19", 4),
        ("Nasrabadi_MMSys_19/Traces/VDRFDG/VDRFDG_11.csv", "nasrabadi_mmsys19", 1),
        ("NetLLM_Wu2017", "netllm_wu17", 12),
        ("NetLLM_Wu2017/video2", "netllm_wu17", 4),
        ("NetLLM_Wu2017/video2/5Hz/simple_5Hz_user1.csv", "netllm_wu17", 1),
    ],
)
def test_public_data_sets_are_recognised_wherever_the_path_points(
    shared, inner, layout, recordings
):
    path = shared / "data" / "raw_samples" / inner
    assert recognise_layout(path) == layout
    videos_csv = shared / "data" / "xu_cvpr18_videos.csv"
    assert len(list(read_any(path, videos_csv=videos_csv))) == recordings


def test_the_layout_of_wu_is_recognised(tmp_path):
    file = tmp_path / "Formated_Data" / "Experiment_1" / "7" / "video_0.csv"
    file.parent.mkdir(parents=True)
    file.touch()
    for path in (tmp_path, tmp_path / "Formated_Data", file.parent, file):
        assert recognise_layout(path) == "wu_mmsys17"


@pytest.mark.parametrize(
    "name",
    [
        *("head.csv", "P1/v1/eye.csv", "P1/v1/Head.csv", "HEAD.CSV"),
        *("face_P1_v1_20240102_030405.csv", "P1/head_P1_v1_x.csv", "P1/Head_P1_v1_x.CSV"),
    ],
)
def test_quest_pro_is_known_by_names(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert recognise_layout(tmp_path) == "quest_pro"
    assert recognise_layout(file) == "quest_pro"


@pytest.mark.parametrize("name", ["table.txt", "none.parquet", "none", ""])
def test_anything_else_is_refused(tmp_path, name):
    path = tmp_path / name
    if name == "table.txt":
        path.write_text("Timestamp\n1\n")
    found = {"table.txt": "found a file of another name", "": "found an empty folder"}
    expected = found.get(name, "nothing is there")
    with pytest.raises(InputError, match=expected):
        read_any(path)


def test_the_message_says_what_lies_there_and_what_is_known(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=r"H/Scanpaths/\*.csv; .* found notes.txt; point at"):
        read_any(tmp_path)


def test_an_unknown_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"layout must be one of parquet, .* got 'quest'"):
        read_any(tmp_path, layout="quest")


def test_a_parquet_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "table.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match=r"table.parquet.* lacks the columns"):
        list(read_any(path))
