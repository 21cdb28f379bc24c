"""Which runs are seeds of one experiment, and in what experiments differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vpnet.errors import InputError
from vpnet.evaluation.run_config import (
    CONFIG_FILE,
    differing_but_seed,
    differing_keys,
    read_config,
)


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
    for number, run in enumerate(runs):
        has_config = (run / CONFIG_FILE).is_file()
        config = read_config(run) if has_config else {}
        seed = config.get("seed") if has_config else number
        for first, seeds in members:
            if bool(first) != has_config or any(differing_but_seed(config, first)):
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
        what = "one of them has no config.yaml"
        for key, own, expected in differing_but_seed(other.config, one.config):
            what = f"its {key} is {own}, that of {one.runs[0]} is {expected}"
            break
        raise InputError(
            f"{other.runs[0]}: {what}; runs over seeds differ in the seed alone, {remedy}"
        )


def what_differs(groups: Sequence[RunGroup]) -> list[str]:
    """What tells groups apart, one text a group, as ``user_embed=True, crowd=False``.

    A setting of the model that only repeats one of the same name is left out.
    """
    keys = dict.fromkeys(
        key
        for group in groups[1:]
        for key, _, _ in differing_but_seed(groups[0].config, group.config)
    )
    keys = [key for key in keys if "." not in key or key.rpartition(".")[2] not in keys]
    nothing: dict[str, Any] = {}
    texts = []
    for group in groups:
        values = {key: value for key, value, _ in differing_keys(group.config, nothing)}
        texts.append(", ".join(f"{key}={values.get(key)}" for key in keys))
    return texts
