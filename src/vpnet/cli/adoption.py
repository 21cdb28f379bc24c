"""A configuration takes over what a checkpoint was trained with."""

from collections.abc import Sequence
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf, open_dict

from vpnet.errors import InputError
from vpnet.training.checkpoint import Checkpoint


def adopt_checkpoint(
    config: DictConfig, checkpoint: Checkpoint, overrides: Sequence[str]
) -> DictConfig:
    """The configuration with the checkpoint's model, task, face features and saliency.

    Args:
        config: Configuration of the command.
        checkpoint: What it names.
        overrides: What the user typed. A typed model, task or face feature must be the
            checkpoint's own; a typed saliency wins (the maps may lie elsewhere now).

    Returns:
        A new configuration.

    Raises:
        InputError: What the user typed contradicts the checkpoint.
    """
    own: dict[str, Any] = {
        "model": checkpoint.model,
        "task": checkpoint.task,
        "face_features": list(checkpoint.face_features),
    }
    resolved = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    for key, trained in own.items():
        typed = [override for override in overrides if _concerns(override, key)]
        asked = resolved[key]
        if typed and asked != trained:
            raise InputError(
                f"{checkpoint.path}: was trained with {key} {_brief(trained)}, "
                f"{' '.join(typed)} asks for another; leave it out, or give another checkpoint"
            )
    if not any(_concerns(override, "saliency") for override in overrides):
        own["saliency"] = checkpoint.saliency
    adopted = config.copy()
    with open_dict(adopted):
        for key, trained in own.items():
            adopted[key] = trained
    return adopted


def _concerns(override: str, key: str) -> bool:
    name = override.lstrip("+~").split("=")[0]
    return name == key or name.startswith(f"{key}.")


def _brief(trained: Any) -> str:
    if isinstance(trained, dict):
        return str(trained.get("_target_", trained.get("name", trained)))
    return str(trained)
