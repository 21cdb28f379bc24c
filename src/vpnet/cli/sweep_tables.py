"""What a sweep prints at its end: one table of its runs, and which of them failed.

Before an ablation it refuses overrides that would undo what its rows differ in. Hydra calls these
classes back (`hydra.callbacks` in conf/train.yaml and the experiments).
"""

import itertools
import shlex
import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from vpnet.cli.results import BOOTSTRAP_DRAWS, results, write_ablation_tables
from vpnet.errors import InputError
from vpnet.runs.run_config import flat_settings

HERE = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
"""The launcher whose runs are run in this process, one after the other."""

_UNSET = object()

_SHORT = {"model.user_embed": "user_embed"}
"""Settings that conf/model takes over from a shorter one: both names set it."""


class _SweepTable(Callback, ABC):
    """Keeps a sweep going past a run that failed, and names that run after the table."""

    def __init__(self) -> None:
        self._failed: dict[str, Exception] = {}
        self._begun = 0

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Note a failure, which Hydra would raise before the table is made."""
        if config.hydra.mode.name != "MULTIRUN" or config.hydra.launcher._target_ != HERE:
            return
        self._begun += 1
        if job_return.status is JobStatus.FAILED:
            error = cast(Exception, job_return._return_value)
            self._failed[Path(config.hydra.runtime.output_dir).name] = error
            if not isinstance(error, InputError):
                traceback.print_exception(error)
            job_return.status = JobStatus.COMPLETED

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print the table, then what failed; the exit code is 2 for input, 1 for a defect."""
        refused = False
        try:
            self.show(config)
        except InputError as error:
            # Where every run failed, their errors say why there is no table.
            if not self._failed or len(self._failed) < self._begun:
                print(f"error: {error}", file=sys.stderr)
                refused = True
        messages: dict[str, list[str]] = {}
        for run, error in self._failed.items():
            messages.setdefault(str(error) or repr(error), []).append(run)
        for message, runs in messages.items():
            print(f"error: {message}", file=sys.stderr)
            print(f"failed with this: {', '.join(runs)}", file=sys.stderr)
        if self._failed:
            print(f"{len(self._failed)} of {self._begun} runs failed", file=sys.stderr)
        if not all(isinstance(error, InputError) for error in self._failed.values()):
            sys.exit(1)
        if refused or self._failed:
            sys.exit(2)

    @abstractmethod
    def show(self, config: DictConfig) -> None:
        """Print the table of a sweep, from its configuration with Hydra's own in it.

        Raises:
            InputError: There is no table.
        """


class SweepTable(_SweepTable):
    """The table of a sweep over any settings, as `vpnet results` prints it."""

    def show(self, config: DictConfig) -> None:
        """Print the table and the folder of the sweep."""
        folder = Path(config.hydra.sweep.dir)
        try:
            results([folder], bootstrap_draws=config.bootstrap_draws)
        finally:
            print(f"sweep folder: {folder}")
        _print_again("results", folder, config)


class AblationTable(_SweepTable):
    """The table of an ablation, as `vpnet ablation` prints it."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what would run other rows than those of the ablation, before any is run."""
        try:
            check_rows(config)
        except InputError as error:
            # Hydra would turn it into a warning.
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    def show(self, config: DictConfig) -> None:
        """Print and write the table, and give it to W&B where the sweep logs to it."""
        from vpnet.runs.ablation_table import ablation_records
        from vpnet.runtime.tracking import log_table

        folder = Path(config.hydra.sweep.dir)
        made = write_ablation_tables(folder, config.bootstrap_draws)
        logger = cast(dict[str, Any], OmegaConf.to_container(config.logger, resolve=True))
        _print_again("ablation", folder, config)
        log_table(folder, ablation_records(made), **{**logger, "name": f"{folder.name}, table"})


def _print_again(command: str, folder: Path, config: DictConfig) -> None:
    """Print the command that prints the table again."""
    draws = config.bootstrap_draws
    option = [] if draws == BOOTSTRAP_DRAWS else ["--bootstrap-draws", str(draws)]
    print(f"this table again: {shlex.join(['vpnet', command, str(folder), *option])}")


def check_rows(config: DictConfig) -> None:
    """Refuse overrides that would undo a row, and rows chosen where Hydra would sweep once more.

    An override on the command line has the last word: ``user_embed=true`` would make the row
    without the user one more row with it.

    Raises:
        InputError: An override sets what the chosen rows differ in, ``ablation.rows``, or another
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
            f"ablation.rows is the list of all rows and cannot be set; choose some of them with "
            f"{group}=ROW,ROW"
        )
    settings = {
        row: dict(_row_settings(config, f"{group}/{row}"))
        for row in _chosen_rows(given.get(group), config.ablation.rows)
    }
    keys = dict.fromkeys(key for own in settings.values() for key in own)
    for key, (row, own) in itertools.product(keys, settings.items()):
        override = given.get(key)
        if override is not None and own.get(key, _UNSET) != _value(override):
            says = f"{key}={own[key]}" if key in own else f"nothing of {key}"
            raise InputError(
                f"{override.input_line}: would undo what the rows of the ablation differ in, "
                f"for {row} says {says}; leave it out, or choose rows that agree "
                f"with {group}=ROW,ROW"
            )


def _chosen_rows(choice: Override | None, rows: str) -> list[str]:
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
            content = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(file)))
            for key, value in flat_settings(content):
                if not key.startswith("ablation."):
                    yield _short(key), value


def _short(key: str) -> str:
    return _SHORT.get(key, key)


def _value(override: Override) -> Any:
    return None if override.is_sweep_override() else override.value()
