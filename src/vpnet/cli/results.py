"""The command `vpnet results`: one table of what runs have reached."""

from pathlib import Path
from typing import Annotated

import typer


def results(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, those of a sweep for example.")],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Show what runs have reached, seeds averaged, with intervals over users and the baselines."""
    from vpnet.evaluation.seeds import results_over_seeds
    from vpnet.evaluation.text_table import print_table
    from vpnet.whole_files import write_text

    table = results_over_seeds(runs)
    print_table(table)
    if markdown is not None:
        write_text(markdown, table.to_markdown())
