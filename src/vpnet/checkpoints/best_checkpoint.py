"""Keeping the checkpoint of the best epoch, also where a training resumes in another folder."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from vpnet.checkpoints.checkpoint_file import read_content
from vpnet.errors import InputError
from vpnet.whole_files import whole_file

logger = logging.getLogger(__name__)


class BestCheckpoint(ModelCheckpoint):
    """Lightning's, but a training that resumes in another folder takes the best so far with it.

    Lightning forgets the best error when the folder changes: the first epoch after that would
    become the best, however bad. Here the error is kept and its ``best.ckpt`` is copied, so that
    the new folder holds the best epoch of all.
    """

    _carried: tuple[Path, Path] | None = None

    @property
    def state_key(self) -> str:
        """That of its base, under which checkpoints of earlier versions have it."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Where to look for the best checkpoint: next to the one that resumes."""
        self._resumed = Path(trainer.ckpt_path) if trainer.ckpt_path else None
        self._resumed_epoch = checkpoint["epoch"]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See the class; Lightning's own forgets the last score as well."""
        self.current_score = state_dict.get("current_score")
        own = Path(self.dirpath or ".") / f"{self.filename}{self.FILE_EXTENSION}"
        score: Tensor | None = state_dict.get("best_model_score")
        if state_dict.get("dirpath") == self.dirpath or score is None or self._resumed is None:
            super().load_state_dict(state_dict)
            return
        found = self._resumed.with_name(own.name)
        epoch = _epoch_of(found)
        if epoch is None or epoch > self._resumed_epoch:
            state = "is missing or damaged" if epoch is None else "is of a later epoch"
            logger.warning(
                "%s: %s; the best of the epochs that follow is kept, not the best of all",
                found,
                state,
            )
            super().load_state_dict(state_dict)
            return
        here = {"dirpath": self.dirpath, "best_model_path": str(own), "last_model_path": ""}
        scores = {"best_k_models": {str(own): score}, "kth_best_model_path": str(own)}
        super().load_state_dict({**state_dict, **here, **scores, "kth_value": score})
        self._carried = (found, own)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the best so far; only here, since a training that has no epoch left has none."""
        if self._carried is not None and trainer.is_global_zero:
            found, own = self._carried
            with whole_file(own) as temporary:
                shutil.copyfile(found, temporary)
        self._carried = None


def _epoch_of(checkpoint: Path) -> int | None:
    """The epoch of a checkpoint; None where it cannot be read."""
    try:
        return read_content(checkpoint)["epoch"]
    except InputError:
        return None
