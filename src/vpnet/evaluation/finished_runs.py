"""Which runs are finished, and of which configuration."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from lightning_fabric.utilities.rank_zero import rank_zero_only

from vpnet.errors import InputError
from vpnet.evaluation.seeds import CONFIG_FILE, METRICS_FILE
from vpnet.evaluation.tables import ERRORS_FILE

HARMLESS = ("ablation", "logger", "num_workers", "trainer.progress_bar", "data.workers")
"""Settings that cannot change a result: names, what is shown and logged, who loads."""

MOST_TOLD = 4
"""Differing settings that a refusal names."""

_NOT_SET = "not set"


def is_finished(run: Path) -> bool:
    """Whether a folder holds the results of a run."""
    return all((run / file).is_file() for file in (METRICS_FILE, ERRORS_FILE))


def has_finished(run: Path, config: str) -> bool:
    """Whether a folder holds the results of just this configuration.

    Only settings are compared: not the program, nor what the files that they name hold.

    Args:
        run: Folder of a run; it may be missing or empty.
        config: The whole resolved configuration as YAML, as it is written to config.yaml.

    Raises:
        InputError: The folder holds the results of another configuration.
    """
    if not is_finished(run):
        return False
    found, asked = read_config(run), yaml.safe_load(config)
    differing = differing_keys(found, asked)
    if differing:
        told = [f"{key} is {was} there, {now} now" for key, was, now in differing[:MOST_TOLD]]
        if len(differing) > MOST_TOLD:
            told.append(f"{len(differing) - MOST_TOLD} more")
        raise InputError(
            f"{run}: holds a finished run of another configuration: {'; '.join(told)}; "
            "name another folder (hydra.sweep.dir=... for a sweep, hydra.run.dir=... "
            "for one run), or delete this one"
        )
    return True


def check_other_seeds(run: Path, config: str) -> None:
    """Refuse a run of an ablation whose row holds finished seeds of another configuration.

    Args:
        run: Folder of the run; the others of its row lie beside it.
        config: As `has_finished` takes it; without ``ablation`` nothing is looked at.

    Raises:
        InputError: A finished run beside it differs in more than the seed.
    """
    asked = yaml.safe_load(config)
    if "ablation" in asked:
        for other in sorted(run.parent.glob("seed_*")):
            if other != run and is_finished(other):
                check_same_but_seed(run, asked, other, read_config(other))


def check_same_but_seed(
    run: Path, config: Mapping[str, Any], other: Path, other_config: Mapping[str, Any]
) -> None:
    """Refuse two runs of one row that differ in more than the seed.

    Each may have started from an LSTM of its own seed.

    Raises:
        InputError: They do; it names the first setting.
    """
    ignored = [*HARMLESS, "seed"]
    if config.get("lstm_checkpoint") and other_config.get("lstm_checkpoint"):
        ignored.append("lstm_checkpoint")
    for key, now, was in differing_keys(config, other_config, ignored):
        raise InputError(
            f"{run}: differs from {other.name} of the same row in more than the seed: {key} is "
            f"{now}, there {was}; sweep another configuration into another folder "
            "(hydra.sweep.dir=...), or delete the wrong run"
        )


@rank_zero_only
def clear_unfinished(run: Path) -> None:
    """Remove what an interrupted run has left, so that it can start anew.

    Args:
        run: Folder of a run that has no results; nothing happens where it holds no configuration.
    """
    if (run / CONFIG_FILE).is_file() and not is_finished(run):
        for name in ("csv", "checkpoints"):
            shutil.rmtree(run / name, ignore_errors=True)


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
    except (yaml.YAMLError, UnicodeDecodeError) as error:
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
    first, second = dict(_settings(one)), dict(_settings(other))
    return [
        (key, first.get(key, _NOT_SET), second.get(key, _NOT_SET))
        for key in dict.fromkeys((*first, *second))
        if not any(key == name or key.startswith(f"{name}.") for name in ignored)
        # Of types too: 1 and true are not the same setting.
        and repr(first.get(key, _NOT_SET)) != repr(second.get(key, _NOT_SET))
    ]


def _settings(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no group, by its full key."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
