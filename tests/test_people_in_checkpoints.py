"""What a checkpoint holds of people: hashes of ids, and head paths only where they are needed."""

import dataclasses
import zipfile
from pathlib import Path

import polars as pl
import pytest
import torch

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.readers.parquet import write_parquet
from vpnet.simulation.simulated_study import simulate_recordings

IDS = tuple(f"Zacharias-Quentin-{letter}" for letter in "ABCDEF")
KEEPING = (
    *("crowd=true", "saliency=behavioural", "saliency.folds=2"),
    *("saliency.height=10", "model.width=32"),
)
"""A small network that keeps all of people that a run can: crowd, maps, vectors of users."""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """Recordings of people with unmistakable ids, in a folder named after one of them."""
    recordings = [
        dataclasses.replace(each, user_id=IDS[int(each.user_id[1:]) - 1])
        for each in simulate_recordings(users=6, videos=2, duration_s=16.0)
    ]
    path = tmp_path_factory.mktemp("home-of-Zacharias") / "study.parquet"
    write_parquet(recordings, path)
    return path


@pytest.fixture(scope="module")
def run(run_script, smoke_settings, study) -> Path:
    """A run that keeps all of people that a run can."""
    folder = study.parent / "run"
    ended = run_script(
        "train.py",
        *smoke_settings,
        *("data=parquet", f"data.path={study}", "split=leave_one_user_out"),
        *(f"split.user={IDS[3]}", *KEEPING),
        f"hydra.run.dir={folder}",
    )
    assert ended.code == 0, ended.err
    return folder


@pytest.mark.parametrize("name", ["best", "last"])
def test_no_id_of_the_study_is_in_the_bytes(run, name):
    path = run / "checkpoints" / f"{name}.ckpt"
    with zipfile.ZipFile(path) as archive:
        parts = [archive.read(part) for part in archive.namelist()]
    for data in (path.read_bytes(), *parts):
        for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
            assert "Zacharias".encode(encoding) not in data
        assert b"Zacharias".hex().encode() not in data
        assert b"Quentin" not in data
    checkpoint = read_checkpoint(path)
    assert checkpoint.holds_head_paths
    assert set(checkpoint.withheld) == {"data.path", "split.user"}
    assert sum(user in checkpoint.users for user in IDS) == len(checkpoint.users) == 4
    assert IDS[3] not in checkpoint.users, "left out"


def test_the_paths_come_in_no_order_of_ids(run):
    """Nor is anybody's hash the same in two states, whose salts differ."""
    checkpoint = read_checkpoint(run / "checkpoints" / "best.ckpt")
    assert checkpoint.crowd_state is not None
    states = (checkpoint.crowd_state, checkpoint.saliency_state)
    salts = {checkpoint.users.salt, *(bytes(state["salt"].tolist()) for state in states)}
    assert len(salts) == 3
    for state in states:
        for name, value in state.items():
            if name.startswith("viewers of "):
                assert value.shape == (4, 16)
                assert value.dtype == torch.uint8


def test_an_evaluation_gives_the_same_numbers(run, run_script, smoke_settings, study, tmp_path):
    """The viewers of the crowd, the users and the left out are recognised by their ids."""
    best = run / "checkpoints" / "best.ckpt"
    ended = run_script(
        "train.py",
        *smoke_settings,
        *("data=parquet", f"data.path={study}", "split=leave_one_user_out"),
        *(f"split.user={IDS[0]}", f"checkpoint={best}", "fit=false"),
        f"hydra.run.dir={tmp_path / 'known'}",
    )
    assert ended.code == 0, ended.err
    assert "NOT a test" in ended.out
    assert "1 of 1 users are known" in ended.out
    again = run_script(
        "train.py",
        *smoke_settings,
        *("data=parquet", f"data.path={study}", "split=leave_one_user_out"),
        *(f"split.user={IDS[3]}", f"checkpoint={best}", "fit=false"),
        f"hydra.run.dir={tmp_path / 'again'}",
    )
    assert again.code == 0, again.err
    first, second = (pl.read_parquet(path / "errors.parquet") for path in (run, tmp_path / "again"))
    assert first.equals(second)


def test_a_rerun_with_another_salt_gives_the_same_numbers(
    run, run_script, smoke_settings, study, tmp_path
):
    ended = run_script(
        "train.py",
        *smoke_settings,
        *("data=parquet", f"data.path={study}", "split=leave_one_user_out"),
        *(f"split.user={IDS[3]}", *KEEPING),
        f"hydra.run.dir={tmp_path / 'rerun'}",
    )
    assert ended.code == 0, ended.err
    one, other = (
        read_checkpoint(path / "checkpoints" / "best.ckpt") for path in (run, tmp_path / "rerun")
    )
    assert one.users.salt != other.users.salt
    for name, value in one.weights.items():
        assert torch.equal(value, other.weights[name]), name
    first, second = (pl.read_parquet(path / "errors.parquet") for path in (run, tmp_path / "rerun"))
    assert first.equals(second)


def test_resuming_finds_the_withheld_in_the_run_folder_or_refuses(
    run, run_script, smoke_settings, study, refused, tmp_path
):
    last = run / "checkpoints" / "last.ckpt"
    more = (*smoke_settings, "resume=true", "trainer.max_epochs=2")
    ended = run_script(
        "train.py", *more, f"checkpoint={last}", f"hydra.run.dir={tmp_path / 'resumed'}"
    )
    assert ended.code == 0, ended.err
    assert read_checkpoint(tmp_path / "resumed" / "checkpoints" / "last.ckpt").users == (
        read_checkpoint(last).users
    )
    alone = tmp_path / "alone.ckpt"
    alone.write_bytes(last.read_bytes())
    message = refused("train.py", *more, f"checkpoint={alone}")
    assert f"{alone}: does not hold data.path: " in message
