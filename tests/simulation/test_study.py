import json
import shutil
from dataclasses import fields

import numpy as np
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.recordings.quest_pro import read_quest_pro
from vpnet.simulation.study import draw_study, simulate_recordings, write_simulated_study

SIZE = {"users": 2, "videos": 2, "duration_s": 6.0, "seed": 5}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_simulated_study(tmp_path_factory.mktemp("written") / "study", **SIZE)


@pytest.fixture(scope="module")
def recordings():
    return simulate_recordings(**SIZE)


def assert_same(recording, other):
    for field in fields(recording):
        value, other_value = getattr(recording, field.name), getattr(other, field.name)
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, other_value), field.name
        elif field.name != "source":
            assert value == other_value, field.name


def test_every_viewer_watches_every_video_and_all_say_simulated(recordings):
    assert [(each.user_id, each.video_id) for each in recordings] == [
        ("S01", "simulated_01"),
        ("S01", "simulated_02"),
        ("S02", "simulated_01"),
        ("S02", "simulated_02"),
    ]
    for recording in recordings:
        assert recording.source.startswith("simulated")
        assert recording.timestamps_s[0] == 0
        assert recording.duration_s == pytest.approx(6.0, abs=0.05)
        assert recording.gaze_valid.any()
        assert recording.face_valid.all()


def test_same_seed_same_recordings(recordings):
    for recording, again in zip(recordings, simulate_recordings(**SIZE), strict=True):
        assert_same(recording, again)


def test_a_third_user_leaves_the_others_unchanged(recordings):
    more = simulate_recordings(**SIZE | {"users": 3, "videos": 3})
    of_pair = {(each.user_id, each.video_id): each for each in more}
    for recording in recordings:
        assert_same(recording, of_pair[recording.user_id, recording.video_id])


def test_another_seed_makes_other_recordings(recordings):
    other = simulate_recordings(**SIZE | {"seed": 6})[0]
    assert not torch.equal(other.viewport_center, recordings[0].viewport_center)


def test_written_study_reads_back_as_the_one_in_memory(written, recordings):
    read = read_quest_pro(written)
    for recording, other in zip(recordings, read, strict=True):
        assert_same(recording, other)


def test_recomputed_fixations_are_a_human_share(recordings):
    for recording in recordings:
        share = recording.is_fixating[recording.gaze_valid].double().mean()
        assert 0.6 < share < 0.95


def test_written_folder_says_what_it_is(written):
    notice = (written / "SIMULATED.txt").read_text()
    assert "SIMULATED. No person was recorded" in notice
    assert "seed=5" in notice
    assert notice.endswith("State: complete\n")
    assert not list(written.rglob("*.tmp"))
    assert sorted(path.name for path in (written / "S01" / "simulated_01").iterdir()) == [
        "combined.csv",
        "eye.csv",
        "face.csv",
        "head.csv",
    ]


def test_written_saliency_is_the_truth(written):
    _, videos = draw_study(**SIZE)
    clock = json.loads((written / "saliency" / "saliency.json").read_text())
    assert clock == {"rate_hz": 5.0, "first_s": 0.0}
    for video in videos:
        maps = np.load(written / "saliency" / f"{video.video_id}.npy", mmap_mode="r")
        assert maps.dtype == np.float16
        assert maps.shape == (31, 120, 240)
        maps = torch.from_numpy(maps.astype(np.float32))
        total = (maps * solid_angle_weights(120, 240)).sum(dim=(1, 2))
        torch.testing.assert_close(total, torch.ones(31), atol=1e-3, rtol=0)
        times_s = torch.arange(31, dtype=torch.float64) / clock["rate_hz"]
        brightest = pixel_directions(120, 240).reshape(-1, 3)[maps.flatten(1).argmax(dim=1)]
        attractors = video.attractor_directions(times_s).float()
        apart_rad = great_circle_distance(brightest.unsqueeze(1), attractors).min(dim=1).values
        assert torch.rad2deg(apart_rad).max() < 5, "the brightest pixel shows an attractor"


def test_study_may_be_written_again_but_leaves_nothing_stale(written, tmp_path):
    root = shutil.copytree(written, tmp_path / "again")
    before = (root / "S01" / "simulated_01" / "head.csv").read_bytes()
    write_simulated_study(root, **SIZE)
    assert (root / "S01" / "simulated_01" / "head.csv").read_bytes() == before
    with pytest.raises(InputError, match=r"would leave behind, such as S02/"):
        write_simulated_study(root, users=1, videos=2, duration_s=6.0, seed=5)
    assert (root / "S01" / "simulated_01" / "head.csv").read_bytes() == before


def test_folder_with_other_files_is_refused_and_untouched(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"empty folder, found notes.txt and no SIMULATED.txt"):
        write_simulated_study(tmp_path, **SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(InputError, match="needs a folder, found a file"):
        write_simulated_study(tmp_path / "notes.txt", **SIZE)
    with pytest.raises(InputError, match="the folder cannot be made"):
        write_simulated_study(tmp_path / "notes.txt" / "study", **SIZE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": 0}, "users of a simulated study must be a whole number of at least 1, got 0"),
        ({"videos": 1.5}, "videos of a simulated study must be a whole number"),
        ({"duration_s": -1.0}, "duration_s of a simulated video must be finite and at least 1"),
        ({"saliency_rate_hz": 0.0}, "saliency_rate_hz must be positive, got 0.0"),
    ],
)
def test_impossible_studies_are_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        write_simulated_study(tmp_path / "study", **SIZE | settings)
    assert not (tmp_path / "study").exists()
