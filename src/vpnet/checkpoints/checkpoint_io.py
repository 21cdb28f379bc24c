"""How Lightning writes, reads and keeps checkpoints: signed, whole, without a path of the machine.

The best epoch is kept even where a training resumes in another folder.
"""

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint

from vpnet.checkpoints.checkpoint_file import read_content, write_content
from vpnet.errors import InputError
from vpnet.whole_files import whole_file

logger = logging.getLogger(__name__)


class CheckpointFiles(CheckpointIO):
    """Writes through `write_content`, reads through `read_content`.

    The callbacks that keep checkpoints remember paths. In a file these are names of files in its
    own folder: it reveals nothing about the machine, and the folder can be moved.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a file; one without the state of the optimizer holds no progress of loops."""
        content = dict(checkpoint)
        if "optimizer_states" in content:
            states = content["callbacks"]
            content["callbacks"] = _with_paths(states, lambda file: Path(file).name, ".")
        else:
            content.pop("loops", None)
        write_content(content, path)

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a file; it is data only, whatever ``weights_only`` says."""
        content = read_content(path)
        # As ModelCheckpoint writes its own folder.
        folder = os.path.realpath(Path(path).parent)
        try:
            if "callbacks" in content:
                content["callbacks"] = _with_paths(
                    content["callbacks"], lambda name: _path_in(folder, name), folder
                )
        except (InputError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: the state of its training is not what Lightning writes ({error!r}); give "
                "a file that train.py wrote"
            ) from error
        return content

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a file, if it is there."""
        Path(path).unlink(missing_ok=True)


class BestCheckpoint(ModelCheckpoint):
    """Lightning's, but a training that resumes in another folder keeps the best epoch so far.

    Lightning forgets the best error when the folder changes: the next epoch would become the best,
    however bad. Here the error is kept and its ``best.ckpt`` is copied to the new folder.
    """

    _to_copy: tuple[Path, Path] | None = None

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
        """Keep the last score and the best of the other folder, which Lightning would forget."""
        self.current_score = state_dict.get("current_score")
        own = Path(self.dirpath or ".") / f"{self.filename}{self.FILE_EXTENSION}"
        score = state_dict.get("best_model_score")
        if state_dict.get("dirpath") == self.dirpath or score is None or self._resumed is None:
            super().load_state_dict(state_dict)
            return
        found = self._resumed.with_name(own.name)
        epoch = None
        with suppress(InputError):
            epoch = read_content(found)["epoch"]
        if epoch is None or epoch > self._resumed_epoch:
            state = "is missing or damaged" if epoch is None else "is of a later epoch"
            kept = "the best of the epochs that follow is kept, not the best of all"
            logger.warning("%s: %s; %s", found, state, kept)
            super().load_state_dict(state_dict)
            return
        here = {"dirpath": self.dirpath, "best_model_path": str(own), "last_model_path": ""}
        scores = {"best_k_models": {str(own): score}, "kth_best_model_path": str(own)}
        super().load_state_dict({**state_dict, **here, **scores, "kth_value": score})
        self._to_copy = (found, own)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the best so far; not before, since a training that has no epoch left keeps none."""
        if self._to_copy is not None and trainer.is_global_zero:
            found, own = self._to_copy
            with whole_file(own) as temporary:
                shutil.copyfile(found, temporary)
        self._to_copy = None


def _with_paths(callbacks: Any, change: Callable[[str], str], folder: str) -> Any:
    """States of callbacks with their paths changed."""
    changed = {}
    for key, state in callbacks.items():
        if isinstance(state, dict) and "dirpath" in state:
            state = {**state, "dirpath": folder}
            for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
                state[name] = change(state[name])
            scores = state["best_k_models"].items()
            state["best_k_models"] = {change(file): score for file, score in scores}
        changed[key] = state
    return changed


def _path_in(folder: str, name: str) -> str:
    if name in (".", "..") or Path(name).name != name:
        raise InputError(f"{name!r} is no name of a file")
    return os.path.join(folder, name) if name else ""
