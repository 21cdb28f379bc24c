"""Configurations that runs have left: which differ in the seed alone, and in what others differ."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vpnet.errors import InputError

CONFIG_FILE = "config.yaml"

HARMLESS = (
    "ablation",
    "logger",
    "plots",
    "num_workers",
    "trainer.progress_bar",
    "data.workers",
)
"""Settings that cannot change a result: names, what is shown, drawn and logged, who loads."""

STARTS = ("lstm_checkpoint", "checkpoint")
"""Files that runs over seeds may start from, each seed from its own."""

MOST_SETTINGS = 100_000

_NOT_SET = "not set"

RULE = "runs over seeds differ in the seed alone"


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
            f"{file}: not found in a folder that holds results of a run; delete the folder, or "
            "name another"
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

    Keys that are ``ignored`` do not count, with all below them.
    """
    first, second = _by_key(one), _by_key(other)
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


def _by_key(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every value by its full key; a small file can name the same part again and again."""
    found = dict(itertools.islice(flat_settings(config), MOST_SETTINGS + 1))
    if len(found) > MOST_SETTINGS:
        raise InputError(f"{CONFIG_FILE} holds more than {MOST_SETTINGS} settings; delete the run")
    return found


def flat_settings(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no group, by its full key."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flat_settings(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


class RunGroup(NamedTuple):
    """Runs that differ in the seed alone."""

    runs: tuple[Path, ...]
    config: Mapping[str, Any]
    """Of the first; empty where it has left none."""


def group_runs(runs: Sequence[Path]) -> list[RunGroup]:
    """Bring the seeds of each experiment together, in the order in which they are named.

    Runs that have left no configuration are taken for seeds of one.

    Raises:
        InputError: Two runs of a group have the same seed, or a configuration is damaged.
    """
    members: list[tuple[dict[str, Any], dict[Any, Path]]] = []
    for run in runs:
        config = read_config(run) if (run / CONFIG_FILE).is_file() else {}
        seed = config.get("seed", run)
        for first, seeds in members:
            if bool(first) != bool(config) or any(differing_but_seed(config, first)):
                continue
            if seed in seeds:
                raise InputError(
                    f"{run} and {seeds[seed]} both have seed {seed}; give runs of different seeds"
                )
            seeds[seed] = run
            break
        else:
            members.append((config, {seed: run}))
    return [RunGroup(tuple(seeds.values()), config) for config, seeds in members]


def check_seeds(runs: Sequence[Path], remedy: str) -> None:
    """Refuse runs that are not seeds of one experiment; ``remedy`` says what to do instead.

    Raises:
        InputError: They differ in more than the seed, or two have the same.
    """
    groups = group_runs(runs)
    if len(groups) > 1:
        one, other = groups[0], groups[1]
        if one.config and other.config:
            check_same_but_seed(other.runs[0], other.config, one.runs[0], one.config, remedy)
        bare = other if one.config else one
        raise InputError(
            f"{bare.runs[0]}: has no {CONFIG_FILE} and cannot be compared; {RULE}, {remedy}"
        )


def check_same_but_seed(
    run: Path,
    config: Mapping[str, Any],
    other: Path,
    other_config: Mapping[str, Any],
    remedy: str,
) -> None:
    """Refuse a run whose configuration differs from that of another in more than the seed.

    Raises:
        InputError: It does; the first setting is named.
    """
    for key, own, expected in differing_but_seed(config, other_config):
        raise InputError(
            f"{run}: its {key} is {own}, that of {other} is {expected}; {RULE}, {remedy}"
        )


def what_differs(groups: Sequence[RunGroup]) -> list[str]:
    """What tells groups apart, one text a group, as ``user_embed=True, crowd=False``.

    A setting of the model that only repeats one of the same name is left out.
    """
    configs = [group.config for group in groups if group.config]
    keys = dict.fromkeys(
        key for config in configs[1:] for key, _, _ in differing_but_seed(configs[0], config)
    )
    values = [{key: value for key, value, _ in differing_keys(config, {})} for config in configs]

    def repeats(key: str) -> bool:
        name = key.rpartition(".")[2]
        return name != key and all(own.get(key) == own.get(name, key) for own in values)

    shown = [key for key in keys if not repeats(key)]
    texts = iter([", ".join(f"{key}={own.get(key)}" for key in shown) for own in values])
    nothing = f"no {CONFIG_FILE}" if len(groups) > 1 else ""
    return [next(texts) if group.config else nothing for group in groups]
