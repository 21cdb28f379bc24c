"""Training a forecaster: by gradients, epoch by epoch, or solved from one pass over the windows."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pytorch_lightning as pl
import torch

from vpnet.dataset.batch_order import epoch_seed
from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.window import ViewportWindow
from vpnet.errors import InputError
from vpnet.training.forecasting_module import ForecastingModule


def fit(
    module: ForecastingModule,
    data: ViewportDataModule,
    trainer: pl.Trainer,
    resume_from: str | Path | None = None,
) -> Path:
    """Train, and keep the best checkpoint.

    A model without trainable parameters is solved from one pass over the data, or written as it is.

    Args:
        module: The forecaster with its loss and optimizer.
        data: Windows.
        trainer: From `vpnet.runtime.trainer.make_trainer`.
        resume_from: A checkpoint of the same model whose training resumes, optimizer and epoch
            included.

    Returns:
        The best checkpoint of the folder, by validation error.

    Raises:
        InputError: No epoch was left to train, or the state of the training in the checkpoint is
            not that of such a training.
    """
    best = Path(trainer.default_root_dir) / "checkpoints" / "best.ckpt"
    if module.model.parameter_count == 0:
        if isinstance(module.model, ClosedForm):
            fit_closed_form(module.model, data.train_dataloader())
        trainer.validate(module, datamodule=data, verbose=False)
        trainer.save_checkpoint(best, weights_only=True)
        return best
    with _restoring(trainer, resume_from):
        trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
    if not best.is_file():
        setting = "patience" if trainer.should_stop else "max_epochs"
        raise InputError(
            f"no epoch was left to train: trainer.max_epochs={trainer.max_epochs}, "
            f"{trainer.current_epoch} done before"
            f"{' and no better one for long' if trainer.should_stop else ''}; raise "
            f"training.{setting} (trainer.{setting} follows it, but with trainer=smoke)"
        )
    return best


@runtime_checkable
class ClosedForm(Protocol):
    """A model without gradients: it accumulates batches and is solved once."""

    def accumulate(self, window: ViewportWindow) -> None:
        """Add a batch to the sums."""
        ...

    def solve(self) -> None:
        """Turn the sums into weights."""
        ...


@torch.no_grad()
def fit_closed_form(model: ClosedForm, windows: Iterable[ViewportWindow]) -> None:
    """Fit a model from one pass over the training windows."""
    for window in windows:
        model.accumulate(window)
    model.solve()


class EpochSeeding(pl.Callback):
    """Seed Python, numpy and torch at the start of each epoch, by the run's seed and its number.

    A resumed training then draws as before: dropout, hidden streams and mirrored windows do not
    depend on how often the program was started. Several processes draw different numbers.
    """

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the loading processes begin with the windows of the epoch that comes next."""
        data = _datamodule_of(trainer)
        if data is not None:
            data.first_epoch = checkpoint["epoch"] + 1

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Before the first batch, not before the epoch: making its loader draws a number."""
        data = _datamodule_of(trainer)
        if data is not None and batch_idx == 0:
            seed = epoch_seed(data.seed, trainer.current_epoch, process=trainer.global_rank)
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)


def _datamodule_of(trainer: pl.Trainer) -> ViewportDataModule | None:
    data = getattr(trainer, "datamodule", None)
    return data if isinstance(data, ViewportDataModule) else None


class _Restored(pl.Callback):
    """Knows whether a checkpoint has been restored, as it is before the first epoch."""

    done = False

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """All that is restored has been used by now."""
        self.done = True


@contextmanager
def _restoring(trainer: pl.Trainer, checkpoint: str | Path | None) -> Iterator[None]:
    """Say in one message what Lightning cannot restore; errors of the training itself pass."""
    restored = _Restored()
    trainer.callbacks.append(restored)  # type: ignore[attr-defined]
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if checkpoint is None or restored.done or isinstance(error, InputError):
            raise
        raise InputError(
            f"{checkpoint}: its training cannot be resumed, since the state in it is not that of "
            f"such a training ({type(error).__name__}: {str(error)[:200]}); give a last.ckpt of "
            "this model and data, or leave out resume=true to start a training with its weights"
        ) from error
