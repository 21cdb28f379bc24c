"""The command `vpnet`: what is neither training nor prediction."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from vpnet.cli.ablation import ablation
from vpnet.cli.align import align
from vpnet.cli.check import check
from vpnet.cli.entry_point import fails_clearly
from vpnet.cli.fetch import fetch
from vpnet.cli.questionnaire import questionnaire
from vpnet.cli.saliency.export import export
from vpnet.cli.saliency.info import info
from vpnet.cli.saliency.overlay import overlay
from vpnet.cli.saliency.score import score
from vpnet.cli.simulate import simulate
from vpnet.evaluation.comparison import compare_runs
from vpnet.evaluation.seeds import results_over_seeds
from vpnet.evaluation.text_table import TextTable, print_table
from vpnet.whole_files import write_text

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Predict where a viewer's head will point in 360-degree video: the tools beside "
    "train.py and predict.py.",
)


app.command()(simulate)
app.command()(check)
app.command()(align)
app.command()(questionnaire)
app.command()(fetch)
app.command()(ablation)

saliency = typer.Typer(no_args_is_help=True, help="What is done with files of saliency maps.")
saliency.command()(info)
saliency.command()(export)
saliency.command()(overlay)
saliency.command()(score)
app.add_typer(saliency, name="saliency")


@app.command()
def results(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, those of a sweep for example.")],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Show what runs have reached, seeds averaged, with intervals over users and the baselines."""
    _show(results_over_seeds(runs), markdown)


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


@app.command(cls=SeveralBehindAgainst)
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of the candidate, one a seed.")],
    against: Annotated[
        list[Path],
        typer.Option(help="Run folders of the baseline, one a seed, behind the candidate's."),
    ],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Compare runs on the windows that both predicted: paired differences per user."""
    _show(compare_runs(against, runs).to_table(), markdown)


def _show(table: TextTable, markdown: Path | None) -> None:
    print_table(table)
    if markdown is not None:
        write_text(markdown, table.to_markdown())


@fails_clearly
def main() -> None:
    """Run the command."""
    app()
