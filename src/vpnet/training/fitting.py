"""Training a forecaster, whichever way it learns."""

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
        trainer: From `vpnet.training.trainer.make_trainer`.
        resume_from: A checkpoint of the same model whose training goes on, optimizer and epoch
            included.

    Returns:
        The best checkpoint of the folder, by validation error.

    Raises:
        InputError: No epoch was left to train.
    """
    best = Path(trainer.default_root_dir) / "checkpoints" / "best.ckpt"
    if module.model.parameter_count > 0:
        trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
        if not best.is_file():
            setting = "patience" if trainer.should_stop else "max_epochs"
            raise InputError(
                f"no epoch was left to train: trainer.max_epochs={trainer.max_epochs}, "
                f"{trainer.current_epoch} done before"
                f"{' and no better one for long' if trainer.should_stop else ''}; raise "
                f"training.{setting}"
            )
        return best
    if isinstance(module.model, ClosedForm):
        fit_closed_form(module.model, data.train_dataloader())
    trainer.validate(module, datamodule=data, verbose=False)
    trainer.save_checkpoint(best, weights_only=True)
    return best
