"""The table of an ablation, at the end of its sweep and again by `vpnet ablation`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpnet.cli.results import BOOTSTRAP_DRAWS, BootstrapDraws

if TYPE_CHECKING:
    from vpnet.runs.ablation import Ablation


def ablation(
    folder: Annotated[Path, typer.Argument(help="Folder of the sweep, as runs/ablation_fusion.")],
    bootstrap_draws: BootstrapDraws = BOOTSTRAP_DRAWS,
) -> None:
    """Show what each part of a model is worth: the table of a sweep over the rows of an ablation.

    Writes table.md and table.csv into the folder, from the runs that are finished.
    """
    write_tables(folder, bootstrap_draws)


def write_tables(folder: Path, bootstrap_draws: int) -> "Ablation":
    """Print the table of an ablation, and write it into its folder.

    Args:
        folder: Folder of the sweep.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: There is no finished run, or the runs do not belong together.
    """
    from vpnet.evaluation.text_table import print_table
    from vpnet.runs.ablation import ablation_of
    from vpnet.runs.ablation_table import ablation_csv, ablation_table
    from vpnet.whole_files import write_text

    made = ablation_of(folder, bootstrap_draws)
    table = ablation_table(made)
    write_text(folder / "table.md", table.to_markdown())
    write_text(folder / "table.csv", ablation_csv(made))
    print_table(table)
    print(f"table: {folder / 'table.md'}, {folder / 'table.csv'}")
    return made
