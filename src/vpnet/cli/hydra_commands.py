"""`vpnet train` and `vpnet predict`: the same as train.py and predict.py, also without a clone."""

import sys
from typing import Any

import typer
from typer.core import TyperCommand


class HandsArgumentsOn(TyperCommand):
    """Leaves every argument, ``--help`` and ``-m`` included, to Hydra."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take nothing for an option."""
        ctx.args = list(args)
        return ctx.args


def train(context: typer.Context) -> None:
    """Train a forecaster and evaluate it: train.py, also without a clone."""
    from vpnet.cli.train import main

    sys.argv = ["vpnet train", *context.args]
    main()


def predict(context: typer.Context) -> None:
    """Predict with a checkpoint, or turn videos into saliency maps: predict.py."""
    from vpnet.cli.predict import main

    sys.argv = ["vpnet predict", *context.args]
    main()
