"""A training that was interrupted and resumed is the one that was never interrupted."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from vpnet.models.fusion import Fusion
from vpnet.models.lstm import LSTM
from vpnet.training.fitting import fit
from vpnet.training.optimizers import cosine, warm_cosine
from vpnet.training.stages import Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:Experiment logs directory"
)
EPOCHS = 3


class Interruption(Exception):
    """Stands for whatever ends a program."""


class Interrupt(pl.Callback):
    """Ends the training before a batch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.at:
            raise Interruption


def falling_late(optimizer):
    """A schedule that reacts to single epochs, for the rate alone is too high."""
    return ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.2)


def small_fusion(data) -> Fusion:
    return Fusion(data.spec, width=32, dropout=0.3, stream_dropout=0.3, unknown_share=0.3)


def small_lstm(data) -> LSTM:
    return LSTM(data.spec, hidden=8, layers=1)


@pytest.fixture
def train(data, make_module, quiet_trainer, tmp_path):
    """Function that trains in a folder, and gives the checkpoints' contents or the interruption."""

    def run(
        folder: str,
        model=small_lstm,
        interrupt: Interrupt | None = None,
        resume: bool = False,
        num_workers: int = 0,
        **arguments: Any,
    ) -> None:
        data.num_workers, data.seed, data.first_epoch = num_workers, 5, 0
        pl.seed_everything(5, verbose=False)
        module = make_module(model(data), **arguments)
        if module.stage.name != "single":
            module.stage.begin(module.model)
        trainer = quiet_trainer(tmp_path / folder, EPOCHS, patience=3, limit_train_batches=2)
        if interrupt is not None:
            trainer.callbacks.insert(0, interrupt)
        last = tmp_path / folder / "checkpoints" / "last.ckpt"
        fit(module, data, trainer, last if resume else None)

    return run


def state_of(file: Path) -> dict[str, Any]:
    """All that a checkpoint holds, but for the folder that it lies in."""
    held = torch.load(file, weights_only=True)
    for state in held.get("callbacks", {}).values():
        for key in ("dirpath", "best_model_path", "kth_best_model_path", "last_model_path"):
            state.pop(key, None)
        if "best_k_models" in state:
            state["best_k_models"] = list(state["best_k_models"].values())
    return held


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Equal to the last bit, whatever is nested."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for place, (first, second) in enumerate(zip(one, other, strict=True)):
            assert_same(first, second, f"{where}[{place}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


SETTINGS: dict[str, dict[str, Any]] = {
    "cosine": {"lr": 3e-2, "scheduler": partial(cosine, epochs=EPOCHS)},
    "warm_cosine": {"lr": 3e-2, "scheduler": warm_cosine},
    "plateau": {"lr": 0.1, "scheduler": falling_late},
    "everything_drawn": {"model": small_fusion, "mirror": True},
    "general": {"model": small_fusion, "stage": Stage("general")},
    "personal": {"model": small_fusion, "stage": Stage("personal", "tenth"), "mirror": True},
    # The workers ask for the first windows before the epoch is known, with this schedule even
    # before the checkpoint is.
    "workers": {"num_workers": 1, "scheduler": warm_cosine},
}


BETWEEN, WITHIN = (1, 0), (2, 1)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("cosine", BETWEEN),
        *((name, WITHIN) for name in SETTINGS if name != "cosine"),
        *(
            pytest.param(name, BETWEEN, marks=pytest.mark.slow)
            for name in SETTINGS
            if name != "cosine"
        ),
    ],
)
def test_a_resumed_training_is_that_which_was_never_interrupted(train, tmp_path, name, at):
    train("whole", **SETTINGS[name])
    with pytest.raises(Interruption):
        train("parts", interrupt=Interrupt(*at), **SETTINGS[name])
    train("parts", resume=True, **SETTINGS[name])
    for file in ("last.ckpt", "best.ckpt"):
        whole, parts = (
            state_of(tmp_path / each / "checkpoints" / file) for each in ("whole", "parts")
        )
        # The best is there to be used, not to be resumed from.
        trained = {"callbacks", "optimizer_states", "lr_schedulers"}
        assert trained & whole.keys() == (trained if file == "last.ckpt" else set())
        for key in {"epoch", "global_step", "state_dict"} | trained & whole.keys():
            assert_same(whole[key], parts[key], key)


def test_the_plateau_was_left_in_that_test(train, tmp_path):
    """Else the schedule's state would be the same whatever is made of it."""
    train("whole", **SETTINGS["plateau"])
    (scheduler,) = state_of(tmp_path / "whole" / "checkpoints" / "last.ckpt")["lr_schedulers"]
    assert scheduler["_last_lr"][0] < 0.1


def test_another_seed_draws_otherwise(data, make_module, quiet_trainer, tmp_path):
    weights = []
    for seed in (0, 0, 1):
        data.seed = seed
        torch.manual_seed(0)
        module = make_module(small_lstm(data))
        fit(module, data, quiet_trainer(tmp_path / str(len(weights))))
        weights.append(torch.nn.utils.parameters_to_vector(module.model.parameters()))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
