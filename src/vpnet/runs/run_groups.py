"""Which runs are seeds of one experiment, and in what experiments differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vpnet.errors import InputError
from vpnet.runs.run_config import (
    CONFIG_FILE,
    differing_but_seed,
    differing_keys,
    read_config,
)

RULE = "runs over seeds differ in the seed alone"


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
    """Refuse runs that are not seeds of one experiment.

    Args:
        runs: Folders.
        remedy: What to do instead.

    Raises:
        InputError: They differ in more than the seed, or two have the same.
    """
    groups = group_runs(runs)
    if len(groups) > 1:
        one, other = groups[0], groups[1]
        if one.config and other.config:
            check_same_but_seed(other.runs[0], other.config, one.runs[0], one.config, remedy)
        raise InputError(
            f"{other.runs[0]}: one of it and {one.runs[0]} has no {CONFIG_FILE}; {RULE}, {remedy}"
        )


def check_same_but_seed(
    run: Path,
    config: Mapping[str, Any],
    other: Path,
    other_config: Mapping[str, Any],
    remedy: str,
) -> None:
    """Refuse a configuration that differs from another in more than the seed.

    Args:
        run: Whose it is.
        config: The configuration.
        other: Whose the other is.
        other_config: The other.
        remedy: What to do instead.

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

    told = [key for key in keys if not repeats(key)]
    texts = iter([", ".join(f"{key}={own.get(key)}" for key in told) for own in values])
    nothing = f"no {CONFIG_FILE}" if len(groups) > 1 else ""
    return [next(texts) if group.config else nothing for group in groups]
