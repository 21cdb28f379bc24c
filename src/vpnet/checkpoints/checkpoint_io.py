"""How Lightning writes and reads checkpoints: signed, whole, and without a path of the machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO

from vpnet.checkpoints.checkpoint_file import read_content, write_content
from vpnet.errors import InputError

_FILES = ("best_model_path", "kth_best_model_path", "last_model_path")


class CheckpointFiles(CheckpointIO):
    """Writes through `write_content`, reads through `read_content`.

    The callbacks that keep checkpoints remember paths; in a file these are names of files in its
    own folder, so that it says nothing of the machine and a folder can be moved.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a file; one without the state of the optimizer holds no progress of loops."""
        content = dict(checkpoint)
        if "optimizer_states" in content:
            content["callbacks"] = _each(content["callbacks"], _name, ".")
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
        if "callbacks" not in content:
            return content
        try:
            content["callbacks"] = _each(
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


def _each(callbacks: Any, change: Callable[[str], str], folder: str) -> Any:
    """States of callbacks with their paths changed."""
    changed = {}
    for key, state in callbacks.items():
        if isinstance(state, dict) and "dirpath" in state:
            state = {**state, "dirpath": folder}
            for name in _FILES:
                state[name] = change(state[name])
            scores = state["best_k_models"].items()
            state["best_k_models"] = {change(file): score for file, score in scores}
        changed[key] = state
    return changed


def _name(file: str) -> str:
    return Path(file).name


def _path_in(folder: str, name: str) -> str:
    if name in (".", "..") or Path(name).name != name:
        raise InputError(f"{name!r} is no name of a file")
    return os.path.join(folder, name) if name else ""
