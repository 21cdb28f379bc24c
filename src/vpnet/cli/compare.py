"""The command `vpnet compare`: the seeds of one experiment against those of another."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand


class SeveralBehindAgainst(TyperCommand):
    """Takes several folders behind ``--against``, as a shell's pattern gives them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option for each of them, where those of the candidate stand before it."""
        spread: list[str] = []
        candidates = 0
        option, is_given = "", True
        for arg in args:
            if arg.startswith("-"):
                option, _, value = arg.partition("=")
                is_given = bool(value)
            elif option and not is_given:
                is_given = True
            elif option == "--against" and candidates:
                spread.append(option)
            else:
                candidates += 1
            spread.append(arg)
        return super().parse_args(ctx, spread)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of the candidate, one a seed.")],
    against: Annotated[
        list[Path],
        typer.Option(help="Run folders of the baseline, one a seed, behind the candidate's."),
    ],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Compare runs on the windows that both predicted: paired differences per user."""
    from vpnet.evaluation.text_table import print_table
    from vpnet.runs.comparison import compare_runs
    from vpnet.whole_files import write_text

    table = compare_runs(against, runs).to_table()
    print_table(table)
    if markdown is not None:
        write_text(markdown, table.to_markdown())
