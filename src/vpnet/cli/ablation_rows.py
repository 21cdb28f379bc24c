"""Whether the rows that a sweep over an ablation asks for are the rows that it would run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from vpnet.errors import InputError

_UNSET = object()

_SHORT = {"model.user_embed": "user_embed"}
"""Settings that conf/model takes over from a shorter one: both names set it."""


def check_rows(config: DictConfig) -> None:
    """Refuse overrides that would undo a row, and rows chosen where Hydra would sweep once more.

    An override on the command line has the last word: ``user_embed=true`` would make the row
    without the user one more row with it.

    Args:
        config: Configuration of the sweep, Hydra's own included.

    Raises:
        InputError: An override sets what tells the asked rows apart, ``ablation.rows``, or another
            model.
    """
    group = next(name for name in config.hydra.runtime.choices if name.startswith("ablation/"))
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    given = {_short(override.key_or_group): override for override in overrides}
    model = group.removeprefix("ablation/")
    if "model" in given and _value(given["model"]) != model:
        raise InputError(
            f"{given['model'].input_line}: the rows are those of {model}; leave it out, or take "
            "the experiment of the other model"
        )
    if "ablation.rows" in given:
        raise InputError(
            f"ablation.rows says which rows there are; choose among them with {group}=ROW,ROW"
        )
    settings = {
        row: dict(_row_settings(config, f"{group}/{row}"))
        for row in _asked_rows(given.get(group), config.ablation.rows)
    }
    for key in dict.fromkeys(key for own in settings.values() for key in own):
        override = given.get(key)
        if override is None:
            continue
        for row, own in settings.items():
            if own.get(key, _UNSET) != _value(override):
                says = f"{key}={own[key]}" if key in own else f"nothing of {key}"
                raise InputError(
                    f"{override.input_line}: would undo what tells the rows of the ablation apart, "
                    f"for {row} says {says}; leave it out, or choose rows that agree "
                    f"with {group}=ROW,ROW"
                )


def _asked_rows(choice: Override | None, rows: str) -> list[str]:
    if choice is None:
        return [row.strip() for row in rows.split(",")]
    if choice.is_sweep_override():
        return list(map(str, choice.sweep_string_iterator()))
    return [str(choice.value())]


def _row_settings(config: DictConfig, row: str) -> Iterator[tuple[str, Any]]:
    """What the file of a row sets, by full key; nothing where there is none, as Hydra will say."""
    for source in config.hydra.runtime.config_sources:
        file = Path(source.path) / f"{row}.yaml"
        if source.schema == "file" and file.is_file():
            yield from _leaves(OmegaConf.to_container(OmegaConf.load(file)))


def _leaves(values: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        elif above != "ablation.":
            yield _short(f"{above}{name}"), value


def _short(key: str) -> str:
    return _SHORT.get(key, key)


def _value(override: Override) -> Any:
    return None if override.is_sweep_override() else override.value()
