"""A Lightning Trainer with vpnet's callbacks."""

import logging
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger

from vpnet.errors import InputError
from vpnet.training.bfloat16 import cpu_has_bfloat16
from vpnet.training.checkpoint_io import CheckpointFiles

MONITOR = "val/error_deg"


class Patience(EarlyStopping):
    """Early stopping whose patience is this run's, not that of the checkpoint it goes on with.

    A checkpoint says how many epochs passed without a better error; how many may pass is a setting
    of the run, and where none is left no epoch is trained.
    """

    @property
    def state_key(self) -> str:
        """That of its base, under which checkpoints of plain early stopping have it."""
        return super().state_key.replace(type(self).__qualname__, EarlyStopping.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See the class; Lightning's own would take the checkpoint's patience."""
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning looks after an epoch only. A training that begins has waited for nothing."""
        if 0 < self.wait_count >= self.patience:
            trainer.should_stop = True


def make_trainer(
    folder: str | Path,
    *,
    loggers: list[Logger],
    patience: int | None = None,
    accelerator: str = "cpu",
    devices: int | str | list[int] = 1,
    strategy: str = "auto",
    progress_bar: bool = True,
    **settings: Any,
) -> pl.Trainer:
    """Trainer that keeps the best weights by validation error, and the last whole checkpoint.

    Args:
        folder: Folder of the run; checkpoints go to ``checkpoints/best.ckpt`` and ``last.ckpt``.
        loggers: Where metrics go.
        patience: Epochs without a better validation error until training stops; None trains on.
        accelerator: ``cpu``, ``gpu`` or anything else that Lightning knows.
        devices: How many, or which.
        strategy: How several work together, a name that Lightning knows.
        progress_bar: Show one.
        **settings: Anything else that `pytorch_lightning.Trainer` takes.

    Raises:
        InputError: A GPU is asked for and there is none, or bfloat16 of a processor that does not
            have it, or Lightning refuses a setting.
    """
    # A batch without map or crowd leaves parameters without a gradient, on which ddp would stop.
    if strategy == "ddp" or (strategy == "auto" and _are_several(devices)):
        strategy = "ddp_find_unused_parameters_true"
    # Two, because Lightning's save_last would only ever copy the best.
    checkpoints = Path(folder) / "checkpoints"
    callbacks: list[pl.Callback] = [
        ModelCheckpoint(
            checkpoints,
            "best",
            MONITOR,
            mode="min",
            save_weights_only=True,
            enable_version_counter=False,
        ),
        ModelCheckpoint(checkpoints, "last", enable_version_counter=False),
    ]
    if patience is not None:
        callbacks.append(Patience(monitor=MONITOR, mode="min", patience=patience))
    return _lightning_trainer(
        default_root_dir=folder,
        accelerator=accelerator,
        devices=devices,
        strategy=strategy,
        logger=loggers,
        callbacks=callbacks,
        plugins=[CheckpointFiles()],
        enable_progress_bar=progress_bar,
        **settings,
    )


def make_prediction_trainer(
    *,
    callbacks: list[pl.Callback],
    accelerator: str = "auto",
    devices: int | str | list[int] = 1,
    progress_bar: bool = True,
    **settings: Any,
) -> pl.Trainer:
    """Trainer that only predicts: it logs and keeps nothing by itself.

    Args:
        callbacks: What becomes of the predictions.
        accelerator: ``auto``, ``cpu``, ``gpu`` or anything else that Lightning knows.
        devices: How many, or which.
        progress_bar: Show one.
        **settings: Anything else that `pytorch_lightning.Trainer` takes.

    Raises:
        InputError: A GPU is asked for and there is none, or bfloat16 of a processor that does not
            have it, or Lightning refuses a setting.
    """
    return _lightning_trainer(
        accelerator=accelerator,
        devices=devices,
        logger=False,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=progress_bar,
        **settings,
    )


def _are_several(devices: int | str | list[int]) -> bool:
    if isinstance(devices, list):
        return len(devices) > 1
    # "auto" may be one; whoever has several and leaves them to Lightning names the strategy.
    return str(devices) not in ("auto", "0", "1")


def _lightning_trainer(*, accelerator: str, **settings: Any) -> pl.Trainer:
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise InputError(
            f"trainer.accelerator={accelerator} needs a CUDA device and none is available; use "
            "trainer=cpu, or install a driver that this build of torch supports "
            f"(torch {torch.__version__})"
        )
    # Cutting windows is cheaper than sending them between processes, so Lightning's advice to
    # use more workers is wrong here. What it prints of devices is in the configuration.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    # Each prediction carries its own place.
    warnings.filterwarnings("ignore", message=".*Couldn't infer the batch indices.*")
    # An interrupted run goes on in its folder, one that goes on with another has its own.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*dirpath has changed.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", module="pytorch_lightning.*")
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    try:
        trainer = pl.Trainer(accelerator=accelerator, enable_model_summary=False, **settings)
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise InputError(f"trainer: {error}; see conf/trainer for the settings") from error
    on_cpu = trainer.strategy.root_device.type == "cpu"
    if on_cpu and str(trainer.precision).startswith("bf16") and not cpu_has_bfloat16():
        raise InputError(
            f"trainer.precision={settings['precision']}: this processor does not compute in "
            "bfloat16; take trainer.precision=32-true"
        )
    return trainer
