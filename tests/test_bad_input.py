"""The commands on bad input: one message that says what to mend, exit code 2, nothing left behind.

What each reader refuses is tested beside it; here, that it reaches the user whole.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.readers.parquet import write_parquet
from vpnet.simulation.simulated_study import simulate_recordings


@pytest.fixture
def predict_refused(refused, fusion_run) -> Callable[..., str]:
    """The same for predict.py with a good checkpoint; the output must not be there afterwards."""

    def run(recording: object, *arguments: object) -> str:
        checkpoint = fusion_run / "checkpoints" / "best.ckpt"
        settings = (f"checkpoint={checkpoint}", f"recording={recording}", "output=out/table.csv")
        return refused("predict.py", *settings, *arguments)

    return run


@pytest.fixture
def study(simulated_study, tmp_path) -> Path:
    """Two recordings of a simulated study, to be damaged."""
    for video in ("simulated_01", "simulated_02"):
        shutil.copytree(simulated_study / "S01" / video, tmp_path / "study" / "P1" / video)
    return tmp_path / "study"


@pytest.fixture
def parquet(tmp_path) -> Callable[..., Path]:
    """Function that writes simulated recordings as parquet, a row of one column changed."""

    def write(column: str | None = None, row: int = 40, value: float | None = None) -> Path:
        path = tmp_path / "recordings.parquet"
        write_parquet(simulate_recordings(users=1, videos=1, duration_s=16.0), path)
        if column is not None:
            table = pl.read_parquet(path).with_row_index("row")
            changed = pl.when(pl.col("row") == row).then(value).otherwise(column)
            table.with_columns(changed.alias(column)).drop("row").write_parquet(path)
        return path

    return write


def replace_line(file: Path, line: int, column: str, value: str) -> None:
    lines = file.read_text().splitlines()
    cells = lines[line - 1].split(",")
    cells[lines[0].split(",").index(column)] = value
    lines[line - 1] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["data=parquet", "data.path=none.parquet"], "none.parquet"),
        (["data=quest_pro", "data.root=none"], "none: no such folder"),
        (["data=wu_mmsys17", "data.root=none"], "none"),
        (["data=xu_cvpr18", "data.root=none"], "none"),
        (["data=david_mmsys18", "data.root=none"], "none"),
        (["data=parquet"], "data.path has no value; give it on the command line, as data.path="),
        (["saliency=file"], "saliency.path has no value; give it on the command line"),
    ],
)
def test_missing_data(train_refused, data, message):
    assert message in train_refused(*data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["saliency=file", "saliency.path=none"], "none/saliency.json: a folder of saliency maps"),
        (["split=file", "split.path=none.json"], "none.json: split file not found; check"),
    ],
)
def test_a_missing_file(train_refused, tiny_settings, data, message):
    assert message in train_refused(*tiny_settings, *data)


def test_a_missing_recording(predict_refused, tmp_path):
    message = predict_refused(tmp_path / "none")
    assert f"{tmp_path / 'none'}: nothing is there; check the path" in message


def test_another_kind_of_file(predict_refused, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert "notes.txt: recordings are recognised by" in predict_refused(tmp_path / "notes.txt")


def test_a_missing_column(train_refused, predict_refused, study, parquet):
    head = study / "P1" / "simulated_02" / "head.csv"
    pl.read_csv(head).drop("UnitQuaternion.w").write_csv(head)
    message = train_refused("data=quest_pro", f"data.root={study}")
    assert f"{head}" in message
    assert "UnitQuaternion.w" in message
    assert "UnitQuaternion.w" in predict_refused(head.parent)

    path = parquet()
    pl.read_parquet(path).drop("head_y").write_parquet(path)
    message = predict_refused(path)
    assert f"{path}" in message
    assert "head_y" in message


def test_a_folder_one_level_too_deep_or_too_high(train_refused, study):
    message = train_refused("data=quest_pro", f"data.root={study / 'P1'}")
    assert "set root to the folder above it" in message
    message = train_refused("data=quest_pro", f"data.root={study.parent}")
    assert "no recordings found" in message
    assert f"set root to {study}" in message
    assert "expected ROOT/<participant>/<video>/{head,eye,face,combined}.csv" in message


@pytest.mark.parametrize("name", ["head", "eye", "face"])
def test_an_empty_file(train_refused, study, name):
    file = study / "P1" / "simulated_01" / f"{name}.csv"
    file.write_text("")
    message = train_refused("data=quest_pro", f"data.root={study}")
    assert f"{file}: the file is empty; copy it again or remove it" in message


def test_a_clock_that_steps_back(train_refused, predict_refused, study, parquet):
    file = study / "P1" / "simulated_01" / "head.csv"
    replace_line(file, 500, "PlaybackTime", "0.5")
    message = train_refused("data=quest_pro", f"data.root={study}")
    assert f"{file}, line 500: playback time must not step back" in message
    assert "was the video restarted?" in message

    path = parquet("t", row=300, value=0.5)
    message = predict_refused(path)
    assert f"{path}, line 301: playback time must not step back" in message


def test_a_quaternion_that_is_none(predict_refused, study):
    file = study / "P1" / "simulated_01" / "head.csv"
    replace_line(file, 321, "UnitQuaternion.w", "3.0")
    message = predict_refused(file.parent)
    assert f"{file}, line 321: UnitQuaternion" in message
    assert "of length 3.00" in message
    assert "fix or delete the line" in message
    assert "data.accept=[quaternion_not_unit]" in message


def test_a_direction_that_is_none(predict_refused, parquet):
    message = predict_refused(parquet("head_y", row=7, value=2.0))
    assert "recordings.parquet: row 8, columns head_x to head_z" in message
    assert "correct the row" in message


def test_a_value_that_is_no_number(train_refused, predict_refused, study, parquet):
    file = study / "P1" / "simulated_01" / "head.csv"
    replace_line(file, 77, "UnitQuaternion.x", "nan")
    message = train_refused("data=quest_pro", f"data.root={study}")
    assert f"{file}, line 77: column UnitQuaternion.x: the value must be a finite" in message
    assert "fix the value or delete the line" in message
    message = predict_refused(parquet("head_x", row=7, value=float("nan")))
    assert "head_x" in message


def test_recordings_that_are_too_short(train_refused, predict_refused, tmp_path):
    message = train_refused("data.users=5", "data.videos=5", "data.duration_s=10")
    assert "simulated_01: a recording must hold a history of 3.0 s" in message
    assert "reach the horizon after it (11.0 s)" in message
    assert "leave them out, or set skip_short=true" in message

    path = tmp_path / "short.parquet"
    write_parquet(simulate_recordings(users=1, videos=1, duration_s=2.5), path)
    assert f"{path}: a recording must hold a history of 3.0 s" in predict_refused(path)


def test_a_split_of_other_users(train_refused, tiny_settings, tmp_path):
    split = tmp_path / "split.json"
    parts = {"train": ["ada"], "val": ["bob"], "test": ["eve"]}
    split.write_text(json.dumps({"users": parts, "videos": "all"}))
    message = train_refused(*tiny_settings, "split=file", f"split.path={split}")
    assert f"{split}: names 3 users that the data do not have: ada, bob, eve" in message
    assert "is this the split of another data set?" in message


def test_what_is_refused_late_leaves_nothing_either(
    run_script, smoke_settings, tiny_settings, tmp_path
):
    run = tmp_path / "run"
    settings = (*smoke_settings, *tiny_settings, f"hydra.run.dir={run}", "model.width=32")
    ended = run_script("train.py", *settings, "trainer.max_epochs=0")
    assert ended.code == 2
    assert "no epoch was left to train: trainer.max_epochs=0, 0 done" in ended.err
    assert "Traceback" not in ended.err
    assert not run.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
@pytest.mark.parametrize("logger", ["csv", "wandb"])
def test_a_gpu_that_is_not_there(train_refused, tiny_settings, logger, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    message = train_refused(*tiny_settings, "trainer=gpu", f"logger={logger}")
    assert "trainer.accelerator=gpu needs a CUDA device and none is available" in message
    assert "use trainer=cpu" in message


def test_a_checkpoint_of_another_model(train_refused, fusion_run, tiny_settings):
    checkpoint = fusion_run / "checkpoints" / "best.ckpt"
    start = (*tiny_settings, f"checkpoint={checkpoint}")
    message = train_refused(*start, "fit=false", "model=lstm")
    assert f"{checkpoint}: was trained with model fusion" in message
    assert "leave it out, or give another checkpoint" in message
    message = train_refused(*start, "fit=false", "user_embed=false")
    assert "user_embed=false says False" in message


def test_a_training_that_is_done(train_refused, fusion_run):
    checkpoint = fusion_run / "checkpoints" / "last.ckpt"
    message = train_refused(f"checkpoint={checkpoint}", "resume=true")
    assert "no epoch was left to train: trainer.max_epochs=1, 1 done before" in message
    assert "raise training.max_epochs" in message


@pytest.mark.parametrize("content", [b"", b"no checkpoint\n" * 50])
def test_a_checkpoint_that_is_garbage(train_refused, refused, simulated_study, tmp_path, content):
    path = tmp_path / "best.ckpt"
    path.write_bytes(content)
    for message in (
        train_refused(f"checkpoint={path}", "fit=false"),
        refused(
            "predict.py",
            f"checkpoint={path}",
            f"recording={simulated_study / 'S01' / 'simulated_01'}",
            "output=table.csv",
        ),
    ):
        assert f"{path}: not a readable checkpoint" in message
        assert "weights_only" not in message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("output=table.txt", "output=table.txt: must end in .csv or .parquet"),
        ("output=table", "output=table: must end in .csv or .parquet"),
        ("output=/proc/none/table.csv", "/proc/none"),
        ("stride_s=0.3", "stride_s must be a positive whole number of steps of 1/5 s, got 0.3"),
        ("stride_s=0", "stride_s must be a number above 0, or null, got 0"),
        ("stride_s=often", "stride_s must be a number above 0, or null, got 'often'"),
        ("saliency_path=maps", "saliency_path=maps: "),
        ("device=gpu", "device must be auto, cpu, cuda or cuda:NUMBER, got 'gpu'"),
        ("speed=3", "Could not override 'speed'"),
        ("checkpoint=none.ckpt", "none.ckpt: checkpoint not found"),
    ],
)
def test_a_setting_of_predict_that_is_wrong(predict_refused, simulated_study, override, message):
    recording = simulated_study / "S01" / "simulated_01"
    assert message in predict_refused(recording, override)


def test_an_output_that_is_a_folder(predict_refused, simulated_study, tmp_path):
    (tmp_path / "table.csv").mkdir()
    message = predict_refused(
        simulated_study / "S01" / "simulated_01", f"output={tmp_path / 'table.csv'}"
    )
    assert "is a folder; give a file" in message


def test_a_sweep_goes_on_past_a_refused_job_and_says_so(
    run_script, smoke_settings, tiny_settings, tmp_path
):
    sweep = tmp_path / "sweep"
    settings = (*smoke_settings, *tiny_settings, "model=static", f"hydra.sweep.dir={sweep}")
    ended = run_script("train.py", "-m", "seed=-1,2", *settings)
    assert ended.code == 2
    assert "seed must be a whole number from 0 to 4294967295, got -1" in ended.err
    assert "Traceback" not in ended.err
    (run,) = (path for path in sweep.iterdir() if path.is_dir())
    assert (run / "errors.parquet").is_file()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours(train_refused, tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in train_refused(f"hydra.run.dir={tmp_path / 'run'}")
