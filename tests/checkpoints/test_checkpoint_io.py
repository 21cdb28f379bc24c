"""What Lightning writes goes through vpnet's files: best without a training, last with it."""

import os
from pathlib import Path

import pytest
import torch

from vpnet.checkpoints.checkpoint import read_checkpoint
from vpnet.checkpoints.checkpoint_io import CheckpointFiles
from vpnet.errors import InputError
from vpnet.training.fitting import fit


@pytest.fixture
def run(make_module, data, quiet_trainer, tmp_path) -> Path:
    """Folder of a training of two epochs."""
    fit(make_module(), data, quiet_trainer(tmp_path / "run", max_epochs=2, patience=3))
    return tmp_path / "run"


def test_the_best_holds_weights_and_the_last_its_training(run):
    best, last = (
        torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
        for name in ("best", "last")
    )
    common = {"epoch", "global_step", "pytorch-lightning_version", "state_dict", "vpnet"}
    assert set(best) == common
    assert set(last) == common | {"loops", "callbacks", "optimizer_states", "lr_schedulers"}
    assert sorted(os.listdir(run / "checkpoints")) == ["best.ckpt", "last.ckpt"]
    sizes = [(run / "checkpoints" / f"{name}.ckpt").stat().st_size for name in ("best", "last")]
    assert sizes[0] < 0.6 * sizes[1], "Adam keeps two numbers a weight"


def test_the_last_says_nothing_of_the_machine(run, tmp_path):
    for file in (run / "checkpoints").iterdir():
        assert str(tmp_path).encode() not in file.read_bytes()


def test_callbacks_find_their_files_where_the_folder_is_now(run, tmp_path):
    moved = run.rename(tmp_path / "moved") / "checkpoints"
    states = CheckpointFiles().load_checkpoint(moved / "last.ckpt")["callbacks"]
    best = next(state for state in states.values() if state.get("monitor") and "dirpath" in state)
    assert best["dirpath"] == os.path.realpath(moved)
    assert best["best_model_path"] == os.path.realpath(moved / "best.ckpt")
    assert list(best["best_k_models"]) == [best["best_model_path"]]


def test_only_the_last_can_resume(run):
    best, last = (read_checkpoint(run / "checkpoints" / f"{n}.ckpt") for n in ("best", "last"))
    last.check_can_resume()
    with pytest.raises(
        InputError, match=r"best.ckpt: holds the weights alone.* resume from .*last"
    ):
        best.check_can_resume()


def test_a_removed_file_is_gone_and_a_missing_one_no_error(run):
    for _ in range(2):
        CheckpointFiles().remove_checkpoint(run / "checkpoints" / "best.ckpt")
    assert os.listdir(run / "checkpoints") == ["last.ckpt"]
