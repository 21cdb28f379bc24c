import json
import shutil
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.recordings.frame import Frame
from vpnet.simulation.simulated_study import draw_study, simulate_recordings, write_simulated_study
from vpnet.studies.study import StudyOptions

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


@pytest.mark.parametrize("seed", range(2))
def test_more_users_and_videos_leave_what_was_recorded_unchanged(seed):
    size = SIZE | {"seed": seed, "duration_s": 2.0}
    few, more_users, more_videos = (
        simulate_recordings(**size | more) for more in ({}, {"users": 3}, {"videos": 3})
    )
    of_pair = {(each.user_id, each.video_id): each for each in more_users}
    for recording in few:
        assert_same(recording, of_pair[recording.user_id, recording.video_id])
    of_pair = {(each.user_id, each.video_id): each for each in more_videos}
    for recording in few:
        other = of_pair[recording.user_id, recording.video_id]
        assert_same(replace(recording, answers={}), replace(other, answers={}))


def test_more_videos_are_shown_in_another_order():
    few, more = (
        simulate_recordings(**SIZE | {"seed": 0, "videos": videos, "duration_s": 2.0})
        for videos in (2, 3)
    )
    of_pair = {(each.user_id, each.video_id): each.answers for each in more}
    assert any(each.answers != of_pair[each.user_id, each.video_id] for each in few)


def test_another_seed_makes_other_recordings(recordings):
    other = simulate_recordings(**SIZE | {"seed": 6})[0]
    assert not torch.equal(other.viewport_center, recordings[0].viewport_center)


def test_written_study_reads_back_as_the_one_in_memory(written, recordings):
    read = read_quest_pro(written, study=StudyOptions(cache=False))
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
        ({"users": 0}, "users must be a whole number from 1 to 10000, got 0"),
        ({"videos": 1.5}, "videos must be a whole number from 1"),
        ({"duration_s": -1.0}, "duration_s must be a number from 1 to 36000, got -1"),
        ({"layout": "v3"}, "layout must be one of v2, v1, got 'v3'"),
        ({"workers": 0}, "workers must be a whole number of at least 1, or null, got 0"),
        ({"defective_share": 1.5}, r"defective_share must be a number from 0 to 1, got 1.5"),
        ({"defects": "all"}, r"defects must be a list of names, such as \[headset\], got 'all'"),
        ({"defects": ["gaze_los"]}, "no defect is called 'gaze_los'; did you mean gaze_lost?"),
        ({"defects": ["head_still"]}, "head_still needs videos of at least 10 s, got duration_s=6"),
        (
            {"defects": ["order_same_for_all"]},
            "at least 3 users and 3 videos, got 2 and 2; make the study larger",
        ),
        (
            {"defects": ["blink_rate"], "layout": "v1"},
            r"blink_rate cannot show here \(layout v1 has no columns of lids\); write a study",
        ),
    ],
)
def test_impossible_studies_are_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        write_simulated_study(tmp_path / "study", **SIZE | settings)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        ("head_missing", r"head_missing cannot show here \(recordings in memory have no files\);"),
        ("frozen", "no defect is called 'frozen'; did you mean head_frozen?"),
        ("never_played", "the video was never played"),
    ],
)
def test_recordings_in_memory_have_defects_of_tables_only(defect, message):
    with pytest.raises(InputError, match=message):
        simulate_recordings(**SIZE | {"duration_s": 10.0}, defects=[defect])


@pytest.mark.parametrize(("offset_deg", "mirror"), [(70.0, False), (0.0, True), (-130.0, True)])
def test_a_turned_study_is_read_back_by_the_same_settings(tmp_path, recordings, offset_deg, mirror):
    frame, size = Frame(offset_deg, mirror), SIZE | {"users": 1}
    recordings = recordings[: size["videos"]]
    root = write_simulated_study(tmp_path / "study", **size, saliency=False, frame=frame)
    assert not (root / "saliency").exists()
    for read, other in zip(
        read_quest_pro(root, frame=frame, study=StudyOptions(cache=False)), recordings, strict=True
    ):
        for name in ("viewport_center", "gaze_direction"):
            apart_rad = great_circle_distance(getattr(read, name), getattr(other, name))
            assert torch.rad2deg(apart_rad[other.gaze_valid]).max() < 0.001
    for read, other in zip(
        read_quest_pro(root, study=StudyOptions(cache=False)), recordings, strict=True
    ):
        apart_rad = great_circle_distance(read.viewport_center, other.viewport_center)
        assert torch.rad2deg(apart_rad).max() > 20


def test_flat_layout_holds_the_same_viewing(tmp_path, recordings):
    root = write_simulated_study(tmp_path / "study", **SIZE, saliency=False, layout="v1")
    names = sorted(path.name for path in root.glob("combined_S01_*.csv"))
    assert [name[:-11] for name in names] == [
        "combined_S01_simulated_01_20240304",
        "combined_S01_simulated_02_20240304",
    ]
    assert sorted(name[-10:-4] for name in names) == ["100000", "100106"]
    header = (root / names[0]).read_text().partition("\n")[0].split(",")
    assert "AvgPupil" in header
    assert not {"VideoFrame", "BlinkL", "LeftOpenness"} & set(header)
    for read, other in zip(
        read_quest_pro(root, study=StudyOptions(cache=False)), recordings, strict=True
    ):
        assert (read.user_id, read.video_id) == (other.user_id, other.video_id)
        assert torch.equal(read.viewport_center, other.viewport_center)
        assert torch.equal(read.face, other.face)
        assert read.answers == other.answers


def test_what_a_defect_leaves_out_does_not_stay_from_before(tmp_path):
    settings = SIZE | {"saliency": False, "users": 3, "videos": 3}
    root = write_simulated_study(tmp_path / "study", **settings)
    assert (root / "S03" / "questionnaire.json").is_file()
    defects = ["head_missing", "questionnaire_missing", "recording_missing"]
    write_simulated_study(root, **settings, defects=defects)
    assert not list(root.rglob("head.csv"))
    assert len(list(root.rglob("face.csv"))) == 8
    answered = {path.parent.name for path in root.rglob("questionnaire.json")}
    assert answered == {"S01", "S02"}
    notice = (root / "SIMULATED.txt").read_text()
    assert "Defects put in: head_missing, questionnaire_missing, recording_missing" in notice


@pytest.mark.slow
def test_several_processes_write_what_one_writes(tmp_path):
    one, several = (
        write_simulated_study(tmp_path / f"{workers}", **SIZE, saliency=False, workers=workers)
        for workers in (1, 2)
    )
    files = [path.relative_to(one) for path in one.rglob("*.csv")]
    assert len(files) == 16
    assert all((one / file).read_bytes() == (several / file).read_bytes() for file in files)
