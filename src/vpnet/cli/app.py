"""The command `vpnet`: what is neither training nor prediction."""

from pathlib import Path
from typing import Annotated

import rich
import typer

from vpnet.cli.entry_point import fails_clearly
from vpnet.evaluation.comparison import compare_runs
from vpnet.evaluation.seeds import results_over_seeds
from vpnet.evaluation.text_table import TextTable, print_table
from vpnet.simulation.study import write_simulated_study
from vpnet.whole_files import write_text

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Predict where a viewer's head will point in 360-degree video: the tools beside "
    "train.py and predict.py.",
)


@app.callback()
def _commands() -> None:
    """Keep the commands' names even while there are few of them."""


@app.command()
def simulate(
    output: Annotated[Path, typer.Argument(help="Folder to write: new, or an earlier simulation.")],
    users: Annotated[int, typer.Option(help="Number of simulated viewers.")] = 12,
    videos: Annotated[int, typer.Option(help="Number of simulated videos.")] = 8,
    duration_s: Annotated[float, typer.Option(help="Length of each video, s.")] = 40.0,
    seed: Annotated[int, typer.Option(help="Decides everything.")] = 0,
) -> None:
    """Write simulated recordings in the headset's own format, and their true saliency."""
    command = (
        f"vpnet simulate {output} --users {users} --videos {videos} "
        f"--duration-s {duration_s:g} --seed {seed}"
    )
    root = write_simulated_study(output, users, videos, duration_s, seed, command=command)
    rich.print(f"{users} x {videos} simulated recordings: {root}")
    rich.print(f"train on them: python train.py data=quest_pro data.root={root}")


@app.command()
def results(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of one model, one a seed.")],
    markdown: Annotated[Path | None, typer.Option(help="Write the table to this file.")] = None,
) -> None:
    """Show the mean over seeds, with intervals over users and the baselines beside it."""
    _show(results_over_seeds(runs), markdown)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of the candidate, one a seed.")],
    against: Annotated[
        list[Path],
        typer.Option(help="Run folder of what it is compared with; repeat it for its seeds."),
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
