"""Resuming in another folder: the best error so far, and its weights, go along."""

import logging
import shutil
from pathlib import Path

import pytest
import torch

from vpnet.checkpoints.checkpoint_file import read_content, write_content
from vpnet.training.fitting import fit

pytestmark = pytest.mark.filterwarnings("ignore:The dirpath has changed")


def best_score_deg(checkpoint: Path) -> float:
    """The best error so far, as the last checkpoint of a folder says."""
    callbacks = torch.load(checkpoint, weights_only=True)["callbacks"]
    (score,) = (
        state["best_model_score"]
        for name, state in callbacks.items()
        if name.startswith("ModelCheckpoint") and state["monitor"]
    )
    return score.item()


@pytest.fixture
def train(data, make_module, quiet_trainer, tmp_path):
    """Function that trains in a folder, from a checkpoint or anew; gives its best.ckpt."""

    def run(folder: str, epochs: int, lr: float, resume_from: Path | None = None) -> Path:
        return fit(make_module(lr=lr), data, quiet_trainer(tmp_path / folder, epochs), resume_from)

    return run


@pytest.fixture
def first(train) -> Path:
    """last.ckpt of two epochs that both helped."""
    best = train("first", 2, 1e-2)
    assert torch.load(best, weights_only=True)["epoch"] == 1
    return best.with_name("last.ckpt")


def spoiled(last: Path) -> Path:
    """The same with a huge rate, so that no epoch that follows is any good."""
    held = read_content(last)
    for group in held["optimizer_states"][0]["param_groups"]:
        group["lr"] = 10.0
    write_content(held, last)
    return last


def test_the_earlier_best_stays_where_no_later_epoch_is_better(train, first):
    earlier = first.with_name("best.ckpt").read_bytes()
    best = train("second", 4, 1e-2, spoiled(first))
    assert best.read_bytes() == earlier
    assert best_score_deg(best.with_name("last.ckpt")) == best_score_deg(first)
    assert torch.load(best.with_name("last.ckpt"), weights_only=True)["epoch"] == 3


def test_a_better_epoch_takes_its_place(train, first):
    best = train("second", 4, 1e-2, first)
    assert torch.load(best, weights_only=True)["epoch"] > 1
    assert best_score_deg(best.with_name("last.ckpt")) < best_score_deg(first)


def test_the_new_folder_resumes_by_itself(train, first):
    """The first folder may be gone by then."""
    best = train("second", 3, 1e-2, spoiled(first))
    earlier, score_deg = best.read_bytes(), best_score_deg(first)
    shutil.rmtree(first.parent)
    assert train("second", 4, 1e-2, best.with_name("last.ckpt")).read_bytes() == earlier
    assert best_score_deg(best.with_name("last.ckpt")) == score_deg


@pytest.mark.parametrize("damage", ["missing", "torn", "later"])
def test_a_best_that_cannot_be_copied_is_warned_of(train, first, caplog, damage):
    found = first.with_name("best.ckpt")
    if damage == "missing":
        found.unlink()
    elif damage == "torn":
        found.write_bytes(found.read_bytes()[:-99])
    else:  # killed between the two files of an epoch
        write_content(read_content(found) | {"epoch": 2}, found)
    with caplog.at_level(logging.WARNING):
        best = train("second", 4, 1e-2, spoiled(first))
    assert str(found) in caplog.text
    assert "the best of the epochs that follow is kept" in caplog.text
    assert torch.load(best, weights_only=True)["epoch"] > 1
