"""The command `vpnet`; its parts import what they need when they run."""

import typer

from vpnet.cli.ablation import ablation
from vpnet.cli.align import align
from vpnet.cli.check import check
from vpnet.cli.compare import SeveralBehindAgainst, compare
from vpnet.cli.doctor import doctor
from vpnet.cli.entry_point import fails_clearly
from vpnet.cli.fetch import fetch
from vpnet.cli.hydra_commands import HandsArgumentsOn, predict, train
from vpnet.cli.questionnaire import questionnaire
from vpnet.cli.results import results
from vpnet.cli.saliency.export import export
from vpnet.cli.saliency.info import info
from vpnet.cli.saliency.overlay import overlay
from vpnet.cli.saliency.score import score
from vpnet.cli.simulate import simulate

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Predict where a viewer's head will point in 360-degree video.",
)

app.command(cls=HandsArgumentsOn)(train)
app.command(cls=HandsArgumentsOn)(predict)
app.command()(doctor)
app.command()(simulate)
app.command()(check)
app.command()(align)
app.command()(questionnaire)
app.command()(fetch)
app.command()(results)
app.command(cls=SeveralBehindAgainst)(compare)
app.command()(ablation)

saliency = typer.Typer(no_args_is_help=True, help="What is done with files of saliency maps.")
saliency.command()(info)
saliency.command()(export)
saliency.command()(overlay)
saliency.command()(score)
app.add_typer(saliency, name="saliency")


@fails_clearly
def main() -> None:
    """Run the command."""
    app()
