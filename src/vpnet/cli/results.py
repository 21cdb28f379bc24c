"""The command `vpnet results`: one table of what runs have reached."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

BOOTSTRAP_DRAWS = 10_000
BootstrapDraws = Annotated[
    int, typer.Option(min=1, max=10_000_000, help="Draws of the bootstrap over users.")
]


def results(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or of a sweep.")],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
    bootstrap_draws: BootstrapDraws = BOOTSTRAP_DRAWS,
) -> None:
    """Show what runs have reached, seeds averaged, with intervals over users and the baselines."""
    print_results(runs, markdown, bootstrap_draws)


def print_results(folders: Sequence[Path], markdown: Path | None, bootstrap_draws: int) -> None:
    """Print the table of runs, and which of a sweep have no results.

    Args:
        folders: Folders of runs and of sweeps.
        markdown: File to write the table to, or None.
        bootstrap_draws: Resamples of the users.

    Raises:
        InputError: There are no results, or the runs do not belong into one table.
    """
    from vpnet.errors import InputError
    from vpnet.evaluation.text_table import print_table
    from vpnet.runs.seeds import results_over_seeds
    from vpnet.runs.sweep_folder import runs_of
    from vpnet.whole_files import write_text

    runs = runs_of(folders)
    names = ", ".join(map(str, runs.unfinished))
    if not runs.finished:
        raise InputError(f"no run is finished, there are {names}; give the same command again")
    table = results_over_seeds(runs.finished, bootstrap_draws)
    print_table(table)
    if names:
        print(f"not finished: {names}")
    if markdown is not None:
        write_text(markdown, table.to_markdown())
