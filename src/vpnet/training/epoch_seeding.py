"""Every epoch begins with random states of its own, so that a resumed training draws as before."""

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.epoch_seed import epoch_seed


class EpochSeeding(pl.Callback):
    """Seed Python, numpy and torch at the start of each epoch, by the run's seed and its number.

    Dropout, hidden streams and mirrored windows then do not depend on how often the program was
    started. Each process of several draws for itself.
    """

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the loading processes begin with the windows of the epoch that comes next."""
        data = _windows_of(trainer)
        if data is not None:
            data.first_epoch = checkpoint["epoch"] + 1

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Before the first batch; not before the epoch: making its loader draws a number."""
        data = _windows_of(trainer)
        if data is not None and batch_idx == 0:
            seed = epoch_seed(data.seed, trainer.current_epoch, process=trainer.global_rank)
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)


def _windows_of(trainer: pl.Trainer) -> ViewportDataModule | None:
    data = getattr(trainer, "datamodule", None)
    return data if isinstance(data, ViewportDataModule) else None
