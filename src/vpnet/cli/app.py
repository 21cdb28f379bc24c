"""The command `vpnet`; its parts import what they need when they run."""

import sys
from typing import Any

import typer
from typer.core import TyperCommand

from vpnet.cli.align import align
from vpnet.cli.check import check
from vpnet.cli.failures import fails_clearly
from vpnet.cli.results import SeveralBehindAgainst, ablation, compare, results
from vpnet.cli.saliency_files import saliency
from vpnet.cli.study_commands import fetch, questionnaire, simulate

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # With rich, help cuts long names of options on a terminal of 80 columns.
    rich_markup_mode=None,
    help="Predict where a viewer's head will point in 360-degree video.",
)


class HandsArgumentsOn(TyperCommand):
    """Leaves every argument, ``--help`` and ``-m`` included, to Hydra."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take nothing for an option."""
        ctx.args = list(args)
        return ctx.args


@app.command(cls=HandsArgumentsOn)
def train(context: typer.Context) -> None:
    """Train a forecaster and evaluate it (train.py)."""
    from vpnet.cli.train import main

    sys.argv = ["vpnet train", *context.args]
    main()


@app.command(cls=HandsArgumentsOn)
def predict(context: typer.Context) -> None:
    """Predict viewports, or saliency maps of videos (predict.py)."""
    from vpnet.cli.predict import main

    sys.argv = ["vpnet predict", *context.args]
    main()


@app.command()
def doctor() -> None:
    """Show what a bug report should say of this machine.

    Versions, card, driver, decoders, W&B, disk and cache; ends with 1 if something does not work.
    Nothing is sent anywhere. Paste the output into a bug report.
    """
    from vpnet.cli.machine_report import machine_facts

    failed = False
    for fact in machine_facts():
        typer.echo(f"{fact.name:<18} {fact.value}")
        if fact.complaint is not None:
            failed = True
            typer.echo(f"{'':<18} DOES NOT WORK: {fact.complaint}")
    if failed:
        raise typer.Exit(1)


for command in (simulate, check, align, questionnaire, fetch, results):
    app.command()(command)
app.command(cls=SeveralBehindAgainst)(compare)
app.command()(ablation)
app.add_typer(saliency, name="saliency")


@fails_clearly
def main() -> None:
    """Run the command."""
    app()
