"""Training a forecaster, whichever way it learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.errors import InputError
from vpnet.training.closed_form import ClosedForm, fit_closed_form
from vpnet.training.forecasting_module import ForecastingModule


def fit(
    module: ForecastingModule,
    data: ViewportDataModule,
    trainer: pl.Trainer,
    resume_from: str | Path | None = None,
) -> Path:
    """Train, and keep the best checkpoint.

    A model without trainable parameters is solved from one pass over the data where it can be, and
    its checkpoint written as it stands.

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
    if module.model.parameter_count > 0:
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
    if isinstance(module.model, ClosedForm):
        fit_closed_form(module.model, data.train_dataloader())
    trainer.validate(module, datamodule=data, verbose=False)
    trainer.save_checkpoint(best, weights_only=True)
    return best


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
