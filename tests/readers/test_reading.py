import dataclasses
import re
from functools import partial
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.errors import InputError
from vpnet.readers.parquet import write_parquet
from vpnet.readers.reading import (
    READERS,
    Reader,
    path_parameter,
    read_any,
    reading_settings,
    recognise_layout,
)
from vpnet.recordings.frame import Frame
from vpnet.settings import check_settings, checked, settings_of
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart


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
        "name": "parquet",
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
    of_wu = reading_settings(settings, READERS["wu_mmsys17"].read)
    assert of_wu == {"mirror": True, "accept": ["euler_disagrees"]}


WRONG = object()
"""A value that no setting can have: neither text nor number nor list."""

EVERY_SETTING = [
    (name, setting) for name, reader in READERS.items() for setting in settings_of(reader.read)
]


@pytest.mark.parametrize(("name", "setting"), EVERY_SETTING)
def test_every_setting_is_checked_before_a_file_is_read(name, setting, tmp_path):
    """The path leads nowhere: a reader that looked there first would say so."""
    read = READERS[name].read
    values = {path_parameter(read): str(tmp_path / "nothing"), setting: WRONG}
    with pytest.raises(InputError, match=f"^data.{setting} must be "):
        check_settings(read, values, "data")
    if settings_of(read)[setting].record is None:
        with pytest.raises(InputError, match=f"^{setting} must be "):
            read(**values)


@pytest.mark.parametrize("name", READERS)
def test_readers_share_the_records(name):
    """Flat in a mapping, one parameter each in the signature."""
    settings = settings_of(READERS[name].read)
    shared = {"frame": Frame, "study": StudyOptions}
    for parameter, record in shared.items():
        fields = {field.name for field in dataclasses.fields(record)}
        assert {one for one in fields if settings[one].record == parameter} == fields
        assert all(settings[one].owner is record for one in fields)
    assert settings["cache"].default is (name != "parquet")


def test_a_parquet_file_is_not_kept_whatever_else_is_set(tmp_path):
    path = tmp_path / "recordings.parquet"
    path.touch()
    assert read_any(path, accept=["euler_disagrees"], workers=1).cache is False
    assert read_any(path, cache=True).cache is True


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mirror": "flase"}, "mirror must be true or false, got 'flase'"),
        ({"max_gaze_offset_deg": "abc"}, "max_gaze_offset_deg must be a number above 0"),
        ({"users": 3}, "users is no setting; there are "),
        ({"miror": True}, "miror is no setting; did you mean mirror?"),
        (
            {"cache": "no"},
            "cache must be true or false, or a folder, with a / in it such as ./kept",
        ),
    ],
)
def test_settings_for_any_reader_are_checked_even_where_this_one_lacks_them(
    tmp_path, settings, message
):
    """david_mmsys18 has no gaze."""
    with pytest.raises(InputError, match=re.escape(message)):
        read_any(tmp_path, layout="david_mmsys18", **settings)


def read_lines(root: str, *, frame: Frame = Frame(), study: StudyOptions = StudyOptions()) -> Study:
    """A reader that is new."""
    return Study([StudyPart((Path(root),), partial(list, [(root, frame)]))], study)


def test_a_new_reader_is_one_entry(tmp_path, monkeypatch):
    file = tmp_path / "viewing.lines"
    file.touch()
    new = Reader(checked(read_lines), lambda path: path.suffix == ".lines", "a .lines file")
    monkeypatch.setitem(READERS, "lines", new)
    assert recognise_layout(file) == "lines"
    study = read_any(file, mirror=True, max_gaze_offset_deg=3.0)
    ((root, frame),) = study.parts[0].read()
    assert (root, frame) == (str(file), Frame(mirror=True))
    with pytest.raises(InputError, match="lines: a .lines file"):
        recognise_layout(tmp_path)


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
