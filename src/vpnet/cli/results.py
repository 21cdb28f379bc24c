"""`vpnet results`, `compare` and `ablation`: tables of what finished runs have reached."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from vpnet.errors import InputError

if TYPE_CHECKING:
    from vpnet.runs.ablation_table import Ablation

BOOTSTRAP_DRAWS = 10_000
BootstrapDraws = Annotated[
    int, typer.Option(min=1, max=10_000_000, help="Draws of the bootstrap over users.")
]


def results(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or of a sweep.")],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
    bootstrap_draws: BootstrapDraws = BOOTSTRAP_DRAWS,
) -> None:
    """Show what runs have reached, with the baselines.

    Seeds are averaged; intervals are over users.
    """
    from vpnet.runs.finished_runs import runs_of
    from vpnet.runs.results_table import results_over_seeds
    from vpnet.text_table import print_table

    found = runs_of(runs)
    names = ", ".join(map(str, found.unfinished))
    if not found.finished:
        raise InputError(f"no run is finished, there are {names}; give the same command again")
    print_table(results_over_seeds(found.finished, bootstrap_draws), markdown)
    if names:
        print(f"not finished: {names}")


class SeveralBehindAgainst(TyperCommand):
    """Takes several folders behind ``--against``, as a shell's pattern gives them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option for each of them, where those of the candidate come before it."""
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
    """Compare runs on the windows that both predicted.

    The differences are paired, and averaged per user.
    """
    from vpnet.runs.comparison import compare_runs
    from vpnet.text_table import print_table

    print_table(compare_runs(against, runs).to_table(), markdown)


def ablation(
    folder: Annotated[Path, typer.Argument(help="Folder of the sweep, as runs/ablation_fusion.")],
    bootstrap_draws: BootstrapDraws = BOOTSTRAP_DRAWS,
) -> None:
    """Show what each part of a model is worth.

    Prints the table of a sweep over the rows of an ablation, from the runs that are finished, and
    writes it into the folder as table.md and table.csv.
    """
    write_ablation_tables(folder, bootstrap_draws)


def write_ablation_tables(folder: Path, bootstrap_draws: int) -> "Ablation":
    """Print the table of an ablation, and write it into the folder of its sweep."""
    from vpnet.runs.ablation_table import ablation_csv, ablation_of, ablation_table
    from vpnet.text_table import print_table
    from vpnet.whole_files import write_text

    made = ablation_of(folder, bootstrap_draws)
    write_text(folder / "table.csv", ablation_csv(made))
    print_table(ablation_table(made), folder / "table.md")
    print(f"table: {folder / 'table.md'}, {folder / 'table.csv'}")
    return made
