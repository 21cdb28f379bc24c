"""The configuration that a run has left, and in what two of them differ."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from vpnet.errors import InputError

CONFIG_FILE = "config.yaml"

HARMLESS = ("ablation", "logger", "num_workers", "trainer.progress_bar", "data.workers")
"""Settings that cannot change a result: names, what is shown and logged, who loads."""

STARTS = ("lstm_checkpoint", "checkpoint")
"""Files that runs over seeds may start from, each seed from its own."""

MOST_SETTINGS = 100_000

_NOT_SET = "not set"


def read_config(run: Path) -> dict[str, Any]:
    """The configuration that a run has left.

    Raises:
        InputError: It is missing or damaged.
    """
    file = run / CONFIG_FILE
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: not found beside the results of a run; delete the folder, or name another"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{file}: is not readable YAML ({error}); run it again") from error
    if not isinstance(config, dict):
        raise InputError(f"{file}: holds no settings; delete the folder and run it again")
    return config


def differing_keys(
    one: Mapping[str, Any], other: Mapping[str, Any], ignored: Collection[str] = HARMLESS
) -> list[tuple[str, Any, Any]]:
    """Settings in which two configurations differ: the key and both values, in the first's order.

    Args:
        one: A configuration, plain values.
        other: Another.
        ignored: Keys that do not count, with all below them.
    """
    first, second = _all_settings(one), _all_settings(other)
    return [
        (key, first.get(key, _NOT_SET), second.get(key, _NOT_SET))
        for key in dict.fromkeys((*first, *second))
        if not any(key == name or key.startswith(f"{name}.") for name in ignored)
        # Of types too: 1 and true are not the same setting.
        and repr(first.get(key, _NOT_SET)) != repr(second.get(key, _NOT_SET))
    ]


def differing_but_seed(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    """As `differing_keys`, for runs that should differ in the seed alone.

    Each may have started from a checkpoint of its own seed, but all or none. A setting that one
    does not have is as null: it came to the program later.
    """
    own_starts = [name for name in STARTS if one.get(name) and other.get(name)]
    nothing = (None, _NOT_SET)
    return [
        (key, now, was)
        for key, now, was in differing_keys(one, other, (*HARMLESS, *own_starts, "seed"))
        if not (now in nothing and was in nothing)
    ]


def _all_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every value by its full key; a small file can name the same part again and again."""
    found = dict(itertools.islice(_settings(config), MOST_SETTINGS + 1))
    if len(found) > MOST_SETTINGS:
        raise InputError(f"{CONFIG_FILE} holds more than {MOST_SETTINGS} settings; delete the run")
    return found


def _settings(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no group, by its full key."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
