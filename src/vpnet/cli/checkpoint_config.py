"""A configuration adopts what a checkpoint was trained with, but for what the user typed.

What he chose with a file of several groups (+study=mine, experiment=crowd) counts as typed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, OmegaConf, open_dict

from vpnet.checkpoints.checkpoint import Checkpoint, read_checkpoint
from vpnet.cli.train_config import TABLES, RunSettings
from vpnet.errors import InputError
from vpnet.runs.run_config import flat_settings
from vpnet.settings import NAME, OWN_CODE

SEEN = ("saliency_weighting", "saliency_lookahead_s", "map_every_s")
"""Settings that say what windows see of their video."""

SAVED = ("training.optimizer", "training.scheduler")
"""Settings of what Lightning restores whole, with its rates and moments."""

GLOBAL = "@package _global_"
"""In a file whose settings are of several groups."""


def starting_checkpoint(own: RunSettings, config: DictConfig) -> Checkpoint | None:
    """The checkpoint that a training configuration names, whose settings of no group are ``own``.

    Raises:
        InputError: It cannot be read, there is none where ``fit``, ``resume`` or the personal stage
            need one, or it is not what the personal stage starts from.
    """
    personal = config.stage.name == "personal" and own.fit and not own.resume
    if own.resume and not own.fit:
        raise InputError("resume=true trains and fit=false does not; leave one out")
    if own.checkpoint is not None:
        if own.lstm_checkpoint is not None:
            raise InputError("checkpoint and lstm_checkpoint both say where to start; give one")
        checkpoint = read_checkpoint(own.checkpoint)
        if own.resume:
            checkpoint.check_can_resume()
        if personal and checkpoint.stage != "general":
            raise InputError(
                f"stage=personal starts from a checkpoint of stage=general, {checkpoint.path} is "
                f"of stage={checkpoint.stage}; train one with stage=general first"
            )
        return checkpoint
    if personal:
        raise InputError(
            "stage=personal needs a checkpoint of stage=general; add "
            "checkpoint=RUN/checkpoints/best.ckpt"
        )
    if own.resume or not own.fit:
        setting = "resume=true" if own.resume else "fit=false"
        raise InputError(f"{setting} needs a checkpoint; add checkpoint=RUN/checkpoints/best.ckpt")
    return None


def adopt_checkpoint(
    config: DictConfig, checkpoint: Checkpoint, overrides: Sequence[str]
) -> DictConfig:
    """The configuration with the checkpoint's model, task, face features and saliency.

    Training that is resumed takes over data, split, seed, training settings and stage as well, but
    for those that the user typed.

    A typed model, task or face feature, and the stage of training that is resumed, must be the
    checkpoint's own. A typed saliency wins: the maps may be elsewhere now.

    Raises:
        InputError: What the user typed contradicts the checkpoint, or the training that it
            resumes.
    """
    resolved = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    own: dict[str, Any] = {
        "model": _own_or_named(checkpoint.model, resolved["model"]),
        "task": checkpoint.task,
        "face_features": list(checkpoint.face_features),
        "crowd": checkpoint.crowd_state is not None,
        **{name: getattr(checkpoint.spec, name) for name in SEEN},
    }
    if config.resume:
        if "stage" in checkpoint.run:
            own["stage"] = checkpoint.run["stage"]
        _check_saved(config, checkpoint, overrides)
    for override in overrides:
        key = _key(override)
        if key.split(".")[0] in own:
            wanted, trained = _brief(_at(resolved, key)), _brief(_at(own, key))
            if wanted != trained:
                raise InputError(
                    f"{checkpoint.path}: was trained with {key} {trained}, and {override} says "
                    f"{wanted}; leave it out, or give another checkpoint"
                )
    typed = {_key(override) for override in overrides}
    if config.fit and not config.resume and "model" not in typed:
        wanted, trained = _brief(resolved["model"]), _brief(own["model"])
        if wanted != trained:
            raise InputError(
                f"{checkpoint.path}: holds a {trained}, and this would be trained with the "
                f"settings for another model; add model={trained}"
            )
    if not any(key.split(".")[0] == "saliency" for key in typed):
        own["saliency"] = checkpoint.saliency_settings(typed)
    elif resolved["saliency"] is not None and not checkpoint.spec.has_saliency:
        raise InputError(
            f"{checkpoint.path}: was trained without saliency and would ignore it; leave saliency "
            "out, or train a model with it"
        )
    if config.resume:
        own |= checkpoint.run_settings(typed, TABLES)
    adopted = config.copy()
    with open_dict(adopted):
        for key, trained in own.items():
            adopted[key] = trained
        for key in typed:
            if key.split(".")[0] in checkpoint.run:
                OmegaConf.update(adopted, key, OmegaConf.select(config, key), merge=False)
    return adopted


def _check_saved(config: DictConfig, checkpoint: Checkpoint, overrides: Sequence[str]) -> None:
    """Refuse another optimizer or scheduler: training resumes with what was saved of them."""
    # Not resolved, as in the checkpoint: more epochs may stretch the schedule.
    values = OmegaConf.to_container(config)
    for override in overrides:
        typed = _key(override)
        for key in SAVED if typed in ("training", "experiment") else (typed,):
            now, was = _at(values, key), _at(checkpoint.run, key)
            if key.startswith(SAVED) and now != was:
                raise InputError(
                    f"{checkpoint.path}: training resumes with the saved {key} {was}, and "
                    f"{override} says {now}; leave it out, or leave out resume=true: training "
                    "then starts anew from these weights"
                )


def _own_or_named(trained: Mapping[str, Any], configured: Any) -> dict[str, Any]:
    """The model that was trained; code of the user's own where the configuration names just it."""
    if isinstance(configured, Mapping) and configured.get(OWN_CODE) == trained[NAME]:
        settings = {name: value for name, value in trained.items() if name != NAME}
        return {OWN_CODE: trained[NAME], **settings}
    return dict(trained)


def _key(override: str) -> str:
    key = override.lstrip("+~").split("=")[0]
    return "model.user_embed" if key == "user_embed" else key


def _at(values: Any, key: str) -> Any:
    for name in key.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def _brief(value: Any) -> Any:
    """A whole group by its name, or the import path of the user's own code."""
    if isinstance(value, Mapping):
        return value.get(NAME, value.get(OWN_CODE))
    return value


def with_chosen_settings(overrides: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """What the user typed, and what the files that he chose there set, as if it were typed.

    Args:
        overrides: As Hydra has them: ``+study=mine``, ``seed=1``.
        folders: Folders of configurations.

    Returns:
        The overrides, then one for each setting of such a file, which names the file:
        ``training.patience=3 (+study=mine)``.
    """
    chosen = []
    for override in overrides:
        group, _, choice = override.lstrip("+").partition("=")
        for folder in folders:
            file = folder / group / f"{choice}.yaml"
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            if GLOBAL in text:
                settings = _settings(yaml.safe_load(text) or {})
                chosen += [f"{key}={value} ({override})" for key, value in settings]
                break
    return [*overrides, *chosen]


def _settings(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for entry in content.get("defaults", ()):
        for key, choice in entry.items() if isinstance(entry, Mapping) else ():
            yield key.removeprefix("override ").strip("/ "), choice
    own = {key: value for key, value in content.items() if key not in ("defaults", "hydra")}
    yield from flat_settings(own)
