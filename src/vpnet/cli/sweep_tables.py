"""What a sweep prints at its end: one table of its runs, and which of them failed.

Hydra calls these classes back (`hydra.callbacks` in conf/train.yaml and the experiments).
"""

import shlex
import sys
import traceback
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, cast

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from vpnet.cli.results import BOOTSTRAP_DRAWS
from vpnet.errors import InputError

HERE = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
"""The launcher whose runs are run in this process, one after the other."""


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
        """Print the table.

        Args:
            config: Configuration of the sweep, Hydra's own included.

        Raises:
            InputError: There is no table.
        """


class SweepTable(_SweepTable):
    """The table of a sweep over any settings, as `vpnet results` prints it."""

    def show(self, config: DictConfig) -> None:
        """See `_SweepTable.show`."""
        # Here, so that a sweep that is refused does not wait for the metrics' libraries.
        from vpnet.cli.results import print_results

        folder = Path(config.hydra.sweep.dir)
        try:
            print_results([folder], None, config.bootstrap_draws)
        finally:
            print(f"sweep folder: {folder}")
        _print_again("results", folder, config)


class AblationTable(_SweepTable):
    """The table of an ablation, as `vpnet ablation` prints it."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what would run other rows than those of the ablation, before any is run."""
        from vpnet.cli.ablation_rows import check_rows

        try:
            check_rows(config)
        except InputError as error:
            # Hydra would turn it into a warning.
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    def show(self, config: DictConfig) -> None:
        """Print and write the table, and give it to W&B where the sweep logs to it."""
        from vpnet.cli.ablation import write_tables
        from vpnet.runs.ablation_table import ablation_records
        from vpnet.runtime.tracking import log_table

        folder = Path(config.hydra.sweep.dir)
        made = write_tables(folder, config.bootstrap_draws)
        logger = cast(dict[str, Any], OmegaConf.to_container(config.logger, resolve=True))
        _print_again("ablation", folder, config)
        log_table(folder, ablation_records(made), **{**logger, "name": f"{folder.name}, table"})


def _print_again(command: str, folder: Path, config: DictConfig) -> None:
    """Print the command that prints the table again."""
    draws = config.bootstrap_draws
    option = [] if draws == BOOTSTRAP_DRAWS else ["--bootstrap-draws", str(draws)]
    print(f"this table again: {shlex.join(['vpnet', command, str(folder), *option])}")
