import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.geometry.directions import direction_from_angles
from vpnet.readers.parquet import write_parquet
from vpnet.simulation.simulated_study import simulate_recordings

KEYS = ["user", "video", "anchor_s", "horizon_s"]
COLUMNS = [*KEYS, "yaw_deg", "elevation_deg", "x", "y", "z", "error_deg"]


@pytest.fixture
def predict(predict_from, fusion_run) -> Callable[..., pl.DataFrame]:
    """Function that predicts with the fusion run's checkpoint."""
    return partial(predict_from, fusion_run)


@pytest.fixture
def one_recording(simulated_study) -> Path:
    return simulated_study / "S02" / "simulated_03"


def test_a_headset_folder_is_predicted(predict, one_recording):
    table = predict(one_recording)
    assert table.columns == COLUMNS
    assert table["user"].unique().to_list() == ["S02"]
    assert table["video"].unique().to_list() == ["simulated_03"]
    # At 5 Hz a history of 3 s ends at 2.8 s first; the recording ends short of 16 s.
    anchors_s = table["anchor_s"].unique().sort()
    assert anchors_s.to_list() == [round(0.2 * step, 1) for step in range(14, 80)]
    assert len(table) == len(anchors_s) * 25


def test_angles_and_vectors_are_one_direction(predict, one_recording):
    table = predict(one_recording)
    yaw_rad, elevation_rad = (
        torch.deg2rad(table[name].to_torch()) for name in ("yaw_deg", "elevation_deg")
    )
    vectors = table.select("x", "y", "z").to_torch().double()
    torch.testing.assert_close(direction_from_angles(yaw_rad, elevation_rad), vectors)
    assert table["yaw_deg"].is_between(-180, 180).all()


def test_what_lies_beyond_the_end_has_no_error(predict, one_recording):
    table = predict(one_recording)
    is_known = (table["anchor_s"] + table["horizon_s"]) < 15.9
    assert table.filter(is_known)["error_deg"].is_between(0, 180).all()
    assert table.filter(~is_known)["error_deg"].is_null().all()
    assert 0 < is_known.sum() < len(table)


def test_predictions_are_those_of_the_run(predict, fusion_run, simulated_study):
    """Of every anchor that the run was tested on; the study on disk has six decimals."""
    table = predict(simulated_study)
    assert table.select("user", "video").n_unique() == 25
    for name, columns in (("predictions", ["x", "y", "z"]), ("errors", ["error_deg"])):
        expected = pl.read_parquet(fusion_run / f"{name}.parquet").filter(~pl.col("interpolated"))
        joined = expected.join(table, on=KEYS, suffix="_found")
        assert len(joined) == len(expected) == 25 * 25
        for column in columns:
            difference = (joined[column] - joined[f"{column}_found"]).abs()
            assert difference.max() < (1e-2 if column == "error_deg" else 1e-4)


def test_a_parquet_file_is_predicted_as_csv(run_script, fusion_run, tmp_path):
    recordings = simulate_recordings(users=2, videos=1, duration_s=16.0)
    write_parquet(recordings, tmp_path / "recordings.parquet")
    ended = run_script(
        "predict.py",
        f"checkpoint={fusion_run / 'checkpoints' / 'best.ckpt'}",
        f"recording={tmp_path / 'recordings.parquet'}",
        f"output={tmp_path / 'new' / 'predictions.csv'}",
        "stride_s=1.0",
    )
    assert ended.code == 0, ended.err
    assert "2 recordings, 28 anchors" in ended.out
    assert "mean error where the future is known: " in ended.out
    assert "2 of 2 users are known to the checkpoint, by name" in ended.out
    table = pl.read_csv(tmp_path / "new" / "predictions.csv")
    assert table.columns == COLUMNS
    assert table["user"].unique().sort().to_list() == ["S01", "S02"]
    assert (table["anchor_s"].unique().sort().diff().drop_nulls() - 1.0).abs().max() < 1e-6
    assert table["error_deg"].null_count() > 0


def test_recordings_are_read_as_in_training_unless_told_otherwise(
    run_script, predict_from, smoke_settings, small_study, one_recording, tmp_path
):
    run = tmp_path / "run"
    data = ("data=quest_pro", f"data.root={small_study}", "data.mirror=true")
    ended = run_script("train.py", *smoke_settings, *data, "model=static", f"hydra.run.dir={run}")
    assert ended.code == 0, ended.err
    as_trained = predict_from(run, one_recording)
    plain = predict_from(run, one_recording, "reading.mirror=false")
    assert ((as_trained["x"] + plain["x"]).abs() < 1e-5).all()
    assert ((as_trained["z"] - plain["z"]).abs() < 1e-5).all()
    assert (plain["x"].abs() > 0.1).any()


OWN_READER = """
from vpnet.recordings.frame import Frame
from vpnet.quest_pro.reader import read_quest_pro


def read_mine(folder: str, *, viewer: str = "S01", frame: Frame = Frame()) -> list:
    return [one for one in read_quest_pro(folder, frame=frame) if one.user_id == viewer]
"""


def test_a_reader_of_the_user_s_own_predicts_what_it_reads(
    predict, small_study, one_recording, tmp_path, monkeypatch
):
    """As train.py takes it, from a folder of the user's own configurations."""
    (tmp_path / "readers_of_a_test.py").write_text(OWN_READER)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text(
        "_target_: readers_of_a_test.read_mine\nfolder: ???\nviewer: S01\nmirror: false\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = ("data=mine", "data.viewer=S02", f"--config-dir={tmp_path}")
    table = predict(small_study, *own).filter(video="simulated_03")
    named = predict(one_recording, "data=quest_pro", "data.cache=false")
    assert table.equals(named)
    mirrored = predict(one_recording, "data=quest_pro", "data.mirror=true")
    assert not mirrored.equals(named)


def test_a_setting_of_a_named_reader_is_refused_before_the_checkpoint_is_read(refused):
    arguments = ("checkpoint=gone.ckpt", "recording=gone", "output=out.csv")
    message = refused("predict.py", *arguments, "data=quest_pro", "data.mirror=flase")
    assert message == "error: data.mirror must be true or false, got 'flase'\n"
    message = refused("predict.py", *arguments, "data=wu_mmsys17", "reading.mirror=true")
    assert "with a reader named by data=NAME write data.mirror" in message
    message = refused("predict.py", *arguments, "reading.mirror=no")
    assert message == "error: reading.mirror must be true or false, got 'no'\n"


def test_a_recording_as_long_as_the_history_has_no_error_at_all(predict, tmp_path):
    path = tmp_path / "short.parquet"
    write_parquet(simulate_recordings(users=1, videos=1, duration_s=3.0), path)
    table = predict(path)
    assert table["anchor_s"].unique().to_list() == [2.8]
    assert table["error_deg"].null_count() == len(table) == 25


def test_strangers_are_counted_and_predicted(run_script, fusion_run, one_recording, tmp_path):
    shutil.copytree(one_recording, tmp_path / "study" / "P345" / "video_01")
    ended = run_script(
        "predict.py",
        f"checkpoint={fusion_run / 'checkpoints' / 'best.ckpt'}",
        f"recording={tmp_path / 'study'}",
        "output=table.parquet",
        folder=tmp_path,
    )
    assert ended.code == 0, ended.err
    assert "0 of 1 users are known to the checkpoint, by name" in ended.out
    assert pl.read_parquet(tmp_path / "table.parquet")["user"].unique().to_list() == ["P345"]


def test_the_checkpoint_is_all_it_takes(run_script, smoke_train, simulated_study, tmp_path):
    """The run folder is gone; relative paths are those of the folder one works in."""
    run = smoke_train(
        tmp_path / "run", "saliency=center_bias", "model.encoder=transformer", "model.width=32"
    )
    expected = pl.read_parquet(run / "predictions.parquet").filter(user="S02", interpolated=False)
    video = expected["video"][0]
    work = tmp_path / "elsewhere"
    work.mkdir()
    shutil.copy(run / "checkpoints" / "best.ckpt", work / "mine.ckpt")
    shutil.copytree(simulated_study / "S02" / video, work / "S02" / video)
    shutil.rmtree(run)
    ended = run_script(
        "predict.py", "checkpoint=mine.ckpt", "recording=.", "output=table.parquet", folder=work
    )
    assert ended.code == 0, ended.err
    assert {path.name for path in work.iterdir()} == {"mine.ckpt", "S02", "table.parquet"}
    table = pl.read_parquet(work / "table.parquet")
    assert table.columns == COLUMNS
    joined = expected.join(table, on=KEYS, suffix="_found")
    assert len(joined) == len(expected) == 5 * 25
    assert (joined["x"] - joined["x_found"]).abs().max() < 1e-4


def test_maps_may_lie_elsewhere_now(
    run_script, smoke_settings, simulated_study, small_study, one_recording, tmp_path
):
    maps = tmp_path / "maps"
    shutil.copytree(simulated_study / "saliency", maps)
    run = tmp_path / "run"
    ended = run_script(
        "train.py",
        *smoke_settings,
        "data=quest_pro",
        f"data.root={small_study}",
        "saliency=file",
        f"saliency.path={maps}",
        "model=static",
        f"hydra.run.dir={run}",
    )
    assert ended.code == 0, ended.err
    maps.rename(tmp_path / "moved")
    arguments = (
        f"checkpoint={run / 'checkpoints' / 'best.ckpt'}",
        f"recording={one_recording}",
        f"output={tmp_path / 'table.csv'}",
    )
    refused = run_script("predict.py", *arguments)
    assert refused.code == 2
    assert f"{maps / 'saliency.json'}: a folder of saliency maps" in refused.err
    assert "check saliency.path" in refused.err
    ended = run_script("predict.py", *arguments, f"saliency_path={tmp_path / 'moved'}")
    assert ended.code == 0, ended.err


def test_recordings_slower_than_the_task_are_warned_of(fusion_run, run_script, tmp_path):
    recordings = simulate_recordings(users=1, videos=1, duration_s=16.0)
    path, slow = tmp_path / "recordings.parquet", tmp_path / "slow.parquet"
    write_parquet(recordings, path)
    pl.read_parquet(path).gather_every(24).write_parquet(slow)
    checkpoint = f"checkpoint={fusion_run / 'checkpoints' / 'best.ckpt'}"
    output = f"output={tmp_path / 'predictions.csv'}"
    ended = run_script("predict.py", checkpoint, f"recording={slow}", output)
    assert ended.out.count("the recordings have about 3 samples a second") == 1
