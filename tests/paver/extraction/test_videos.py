import shutil

import pytest

from vpnet.errors import InputError
from vpnet.paver.extraction.videos import find_videos


def test_a_folder_a_pattern_and_a_name_with_brackets_find_videos(panoramas):
    names = ["beach [2].mp4", "street.mp4"]
    assert [video.path.name for video in find_videos(str(panoramas)).usable] == names
    assert [video.path.name for video in find_videos(f"{panoramas}/*.mp4").usable] == names
    (one,) = find_videos([f"{panoramas}/beach [2].mp4"]).usable
    assert one.path.name == "beach [2].mp4"


def test_what_is_wrong_with_one_video_does_not_stop_the_others(panoramas, tmp_path):
    shutil.copy(panoramas / "street.mp4", tmp_path)
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    found = find_videos(str(tmp_path))
    assert [video.path.name for video in found.usable] == ["street.mp4"]
    assert set(found.refused) == {"noise.mp4"}


def test_no_video_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file there"):
        find_videos(f"{tmp_path}/*.mp4")


def test_two_videos_of_one_id_are_refused(panoramas, tmp_path):
    shutil.copy(panoramas / "street.mp4", tmp_path / "a.mp4")
    shutil.copy(panoramas / "street.mp4", tmp_path / "a.mkv")
    with pytest.raises(InputError, match="rename one"):
        find_videos(str(tmp_path))
