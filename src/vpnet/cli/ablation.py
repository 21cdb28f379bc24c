"""The table of an ablation, at the end of its sweep and again by `vpnet ablation`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from vpnet.cli.ablation_rows import check_rows
from vpnet.errors import InputError
from vpnet.evaluation.text_table import print_table
from vpnet.whole_files import write_text

if TYPE_CHECKING:
    from vpnet.evaluation.ablation import Ablation


class AblationTable(Callback):
    """Makes the table when the last run of a sweep has ended."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what would run other rows than those asked for, before any is run."""
        try:
            check_rows(config)
        except InputError as error:
            # Hydra would turn it into a warning.
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print and write the table, and give it to W&B where the sweep logs to it."""
        # Here, as in the command, so that other commands do not wait for the metrics' libraries.
        from vpnet.evaluation.ablation_table import ablation_records
        from vpnet.training.tracking import log_table

        folder = Path(config.hydra.sweep.dir)
        try:
            made = _write_tables(folder, config.bootstrap_draws)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        logger = cast(dict[str, Any], OmegaConf.to_container(config.logger, resolve=True))
        log_table(folder, ablation_records(made), **{**logger, "name": f"{folder.name}, table"})


def ablation(
    folder: Annotated[Path, typer.Argument(help="Folder of the sweep, as runs/ablation_fusion.")],
) -> None:
    """Show what each part of a model is worth: the table of a sweep over the rows of an ablation.

    Writes table.md and table.csv into the folder, from the runs that are finished.
    """
    _write_tables(folder)


def _write_tables(folder: Path, bootstrap_draws: int = 10_000) -> "Ablation":
    from vpnet.evaluation.ablation import ablation_of
    from vpnet.evaluation.ablation_table import ablation_csv, ablation_table

    made = ablation_of(folder, bootstrap_draws)
    table = ablation_table(made)
    write_text(folder / "table.md", table.to_markdown())
    write_text(folder / "table.csv", ablation_csv(made))
    print_table(table)
    print(f"table: {folder / 'table.md'}, {folder / 'table.csv'}")
    return made
