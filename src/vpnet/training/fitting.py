"""Training a forecaster, whichever way it learns."""

from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from vpnet.dataset.datamodule import ViewportDataModule
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
        The best checkpoint, by validation error.
    """
    if module.model.parameter_count > 0:
        trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
        callback = trainer.checkpoint_callback
        assert isinstance(callback, ModelCheckpoint)
        return Path(callback.best_model_path or callback.last_model_path)
    if isinstance(module.model, ClosedForm):
        fit_closed_form(module.model, data.train_dataloader())
    trainer.validate(module, datamodule=data, verbose=False)
    best = Path(trainer.default_root_dir) / "checkpoints" / "best.ckpt"
    trainer.save_checkpoint(best)
    return best
