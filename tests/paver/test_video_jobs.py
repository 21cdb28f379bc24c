"""Videos are found, worked on chunk by chunk, and finished, whatever interrupts it."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from vpnet.errors import InputError
from vpnet.paver.clips import neighbouring_clips
from vpnet.paver.map_file import MapFile, MapPart
from vpnet.paver.video_jobs import VideoJob, find_videos, video_identity
from vpnet.video.video_file import probe_video


@pytest.fixture
def job(panoramas, tmp_path) -> VideoJob:
    video = probe_video(panoramas / "street.mp4")
    clips = tuple(neighbouring_clips(range(len(video.frame_times_s))))
    return VideoJob(video, clips, tmp_path / "maps", {"weights": "w"}, clips_per_chunk=1)


@pytest.fixture
def part():
    def make(job, number, frames=None) -> MapPart:
        clips = job.chunk(number)
        index = np.array([clip.frames[at] for clip in clips for at in clip.kept][:frames])
        random = np.random.default_rng(number)
        count = len(index)
        return MapPart(
            frame_index=index,
            times_s=job.video.frame_times_s[torch.from_numpy(index)].numpy(),
            maps=random.integers(0, 256, (count, 12, 24), dtype=np.uint8),
            scores=random.random((count, 14, 28), dtype=np.float32),
            point_pixels=random.integers(0, 224 * 448, (count, 128)).astype(np.uint32),
            point_values=random.random((count, 128)).astype(np.float16),
        )

    return make


def test_chunks_are_put_together_once_all_are_there(job, part):
    assert job.missing_chunks() == [0, 1, 2, 3]
    for number in (2, 0, 3):
        job.keep(number, part(job, number), None)
        assert not job.finish()
    assert job.missing_chunks() == [1]
    job.keep(1, part(job, 1), None)
    assert job.finish()
    assert job.missing_chunks() == []
    store = MapFile(job.path)
    assert store.frame_index.tolist() == list(range(18))
    assert store.settings["complete"]
    assert [path.name for path in job.output.iterdir()] == ["street.h5"]


def test_what_lies_before_damage_is_kept(job, part):
    job.keep(0, part(job, 0), None)
    job.keep(1, part(job, 1, frames=2), "street.mp4: frame 7 cannot be decoded")
    job.keep(3, part(job, 3), None)
    assert job.missing_chunks() == [], "nothing behind the damage is tried"
    assert job.finish()
    store = MapFile(job.path)
    assert store.frame_index.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert not store.settings["complete"]
    assert "frame 7" in store.settings["damage"]


def test_a_video_of_which_nothing_can_be_read_says_why(job):
    job.keep(0, None, "street.mp4: frame 0 cannot be decoded")
    with pytest.raises(InputError, match="frame 0"):
        job.finish()


def test_other_settings_have_other_parts(job, part):
    job.keep(0, part(job, 0), None)
    other = replace(job, settings={"weights": "others"})
    assert other.missing_chunks() == [0, 1, 2, 3]


def test_a_damaged_part_is_computed_anew(job, part):
    for number in range(4):
        job.keep(number, part(job, number), None)
    damaged = job.parts_folder / "000002.npz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(InputError, match="run the same command"):
        job.finish()
    assert job.missing_chunks() == [2]


def test_runs_that_finish_at_once_do_not_disturb_each_other(job, part):
    def work(_):
        for number in range(4):
            job.keep(number, part(job, number), None)
        return job.finish()

    with ThreadPoolExecutor(4) as pool:
        assert any(pool.map(work, range(4)))
    assert job.finish()
    assert len(MapFile(job.path).times_s) == 18


def test_a_video_is_told_from_another_of_its_name(tmp_path):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"one")
    first = video_identity(file)
    file.write_bytes(b"two")
    assert video_identity(file) != first


def test_a_folder_a_pattern_and_a_name_with_brackets_find_videos(panoramas):
    names = ["beach [2].mp4", "street.mp4"]
    assert [video.path.name for video in find_videos(str(panoramas))[0]] == names
    assert [video.path.name for video in find_videos(f"{panoramas}/*.mp4")[0]] == names
    ((one,), _) = find_videos([f"{panoramas}/beach [2].mp4"])
    assert one.path.name == "beach [2].mp4"


def test_what_is_wrong_with_one_video_does_not_stop_the_others(panoramas, tmp_path):
    shutil.copy(panoramas / "street.mp4", tmp_path)
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    usable, refused = find_videos(str(tmp_path))
    assert [video.path.name for video in usable] == ["street.mp4"]
    assert set(refused) == {"noise.mp4"}


def test_no_video_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file there"):
        find_videos(f"{tmp_path}/*.mp4")


def test_two_videos_of_one_id_are_refused(panoramas, tmp_path):
    shutil.copy(panoramas / "street.mp4", tmp_path / "a.mp4")
    shutil.copy(panoramas / "street.mp4", tmp_path / "a.mkv")
    with pytest.raises(InputError, match="rename one"):
        find_videos(str(tmp_path))
