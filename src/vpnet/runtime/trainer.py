"""A Lightning Trainer with vpnet's callbacks."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pydantic import Field
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import Logger

from vpnet.checkpoints.checkpoint_io import BestCheckpoint, CheckpointFiles
from vpnet.errors import InputError
from vpnet.runtime.device import (
    best_device,
    choose_accelerator,
    choose_precision,
    cpu_has_bfloat16,
)
from vpnet.runtime.processes import EndAllProcesses, check_slurm, slurm_environment
from vpnet.settings import Positive, Share, checked
from vpnet.training.fitting import EpochSeeding

MONITOR = "val/error_deg"

# Lightning counts with 64 bits, and without a training batch there is nothing to train.
MOST = 1_000_000
Number = Annotated[int, Field(ge=1, le=MOST)]
Devices = Annotated[int, Field(ge=-1, le=65_536)] | str | Sequence[int]
Limit = Annotated[int, Field(ge=0, le=MOST)] | Share
TrainLimit = Number | Annotated[float, Field(gt=0, le=1)]
Exact = Literal["32-true", "bf16-mixed", "bf16-true", "16-mixed", "16-true", "64-true"]
Precision = Literal["auto", Exact]


class Patience(EarlyStopping):
    """Early stopping whose patience is this run's, not that of the checkpoint it resumes from.

    A checkpoint holds how many epochs passed without a better error. How many may pass is a setting
    of the run. Where none is left, no epoch is trained.
    """

    @property
    def state_key(self) -> str:
        """That of its base, under which checkpoints of plain early stopping have it."""
        return super().state_key.replace(type(self).__qualname__, EarlyStopping.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """All but the patience, which Lightning's own would take from the checkpoint."""
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning looks only after an epoch; here a resumed training may have none left."""
        if 0 < self.wait_count >= self.patience:
            trainer.should_stop = True


@checked
def make_trainer(
    folder: str | Path,
    *,
    loggers: list[Logger],
    accelerator: str = "auto",
    devices: Devices = 1,
    strategy: str = "auto",
    num_nodes: Number = 1,
    precision: Precision = "auto",
    max_epochs: Annotated[int, Field(ge=-1, le=1_000_000)] | None = None,
    patience: Annotated[int, Field(ge=0, le=MOST)] | None = None,
    gradient_clip_val: Positive | None = None,
    accumulate_grad_batches: Number = 1,
    limit_train_batches: TrainLimit | None = None,
    limit_val_batches: Limit | None = None,
    limit_test_batches: Limit | None = None,
    num_sanity_val_steps: Annotated[int, Field(ge=-1, le=MOST)] = 2,
    deterministic: bool = False,
    progress_bar: bool = True,
) -> pl.Trainer:
    """Trainer that keeps the best weights by validation error, and the last whole checkpoint.

    Args:
        folder: Folder of the run; checkpoints go to ``checkpoints/best.ckpt`` and ``last.ckpt``.
        loggers: Where metrics go.
        accelerator: Kind of device: auto (the card where torch can use it, else the CPU), cpu, gpu,
            or another name that Lightning knows.
        devices: Number of devices, or a list of which; auto takes all.
        strategy: How several devices work together: auto, ddp, or another name that Lightning
            knows.
        num_nodes: Number of machines.
        precision: Precision of the computation; auto takes bf16-mixed on a card that has bfloat16,
            else 32-true.
        max_epochs: Most epochs; follows training.max_epochs.
        patience: Epochs without a better validation error until training stops; follows
            training.patience.
        gradient_clip_val: Largest norm of the gradient; follows training.gradient_clip.
        accumulate_grad_batches: Batches whose gradients are added up before each step.
        limit_train_batches: Training batches per epoch, a number or a share; null takes all.
        limit_val_batches: Validation batches, a number or a share; null takes all.
        limit_test_batches: Test batches, a number or a share; null takes all.
        num_sanity_val_steps: Validation batches that are tried before training; -1 tries all.
        deterministic: Refuse operations that do not give the same result each time.
        progress_bar: Show a progress bar.

    Raises:
        InputError: A GPU is named and there is none, or bfloat16 and the processor lacks it, or
            Lightning refuses a setting.
    """
    # "auto" may be one device. Where it is several, the strategy has to be named.
    numbered = isinstance(devices, int | str)
    are_several = str(devices) not in ("auto", "0", "1") if numbered else len(devices) > 1
    # A batch without map or crowd leaves parameters without a gradient, on which ddp would stop.
    if strategy == "ddp" or (strategy == "auto" and are_several):
        strategy = "ddp_find_unused_parameters_true"
    # Two, because Lightning's save_last would only ever copy the best.
    checkpoints = Path(folder) / "checkpoints"
    callbacks: list[pl.Callback] = [
        EpochSeeding(),
        EndAllProcesses(),
        BestCheckpoint(
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
        num_nodes=num_nodes,
        precision=precision,
        max_epochs=max_epochs,
        gradient_clip_val=gradient_clip_val,
        accumulate_grad_batches=accumulate_grad_batches,
        limit_train_batches=limit_train_batches,
        limit_val_batches=limit_val_batches,
        limit_test_batches=limit_test_batches,
        num_sanity_val_steps=num_sanity_val_steps,
        deterministic=deterministic,
    )


@checked
def make_prediction_trainer(
    *,
    callbacks: list[pl.Callback],
    accelerator: str = "auto",
    devices: Devices = 1,
    strategy: str = "auto",
    num_nodes: Number = 1,
    precision: Exact = "32-true",
    limit_predict_batches: Limit | None = None,
    progress_bar: bool = True,
) -> pl.Trainer:
    """Trainer that only predicts: it logs and keeps nothing by itself.

    Args:
        callbacks: What becomes of the predictions.
        accelerator: Kind of device: auto takes the card where torch can use it, else the CPU.
        devices: Number of devices, or a list of which.
        strategy: How several devices work together: auto, ddp, or another name that Lightning
            knows.
        num_nodes: Number of machines.
        precision: Precision of the computation: 32-true; bf16-mixed (where the processor has it)
            and 16-mixed (GPU only) are faster.
        limit_predict_batches: Batches to compute, a number or a share; null computes all.
        progress_bar: Show a progress bar.

    Raises:
        InputError: A GPU is named and there is none, or bfloat16 and the processor lacks it, or
            Lightning refuses a setting.
    """
    return _lightning_trainer(
        accelerator=accelerator,
        devices=devices,
        logger=False,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=progress_bar,
        strategy=strategy,
        num_nodes=num_nodes,
        precision=precision,
        limit_predict_batches=limit_predict_batches,
    )


def _lightning_trainer(
    *, accelerator: str, precision: str, plugins: Sequence[Any] = (), **settings: Any
) -> pl.Trainer:
    check_slurm()
    chosen = choose_accelerator(accelerator)
    chosen_precision = choose_precision(precision, chosen)
    # Cutting windows is cheaper than sending them between processes, so Lightning's advice to
    # use more workers is wrong here. What it prints of devices is in the configuration.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    # A prediction's window says which recording and time it is of.
    warnings.filterwarnings("ignore", message=".*Couldn't infer the batch indices.*")
    # An interrupted run resumes in its folder, one that resumes another's training has its own.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*dirpath has changed.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", module="pytorch_lightning.*")
    for talkative in ("utilities.rank_zero", "trainer.connectors.signal_connector"):
        logging.getLogger(f"pytorch_lightning.{talkative}").setLevel(logging.WARNING)
    try:
        trainer = pl.Trainer(
            accelerator=chosen,
            precision=chosen_precision,  # type: ignore[arg-type]
            enable_model_summary=False,
            plugins=[*plugins, *slurm_environment()],
            **settings,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise InputError(f"trainer: {error}; see conf/trainer for the settings") from error
    on_cpu = trainer.strategy.root_device.type == "cpu"
    if on_cpu and str(trainer.precision).startswith("bf16") and not cpu_has_bfloat16():
        raise InputError(
            f"trainer.precision={precision}: this processor does not compute in "
            "bfloat16; use trainer.precision=32-true"
        )
    if accelerator == "auto" and trainer.is_global_zero:
        print(f"device: {best_device().name}, {chosen_precision}")
    return trainer
