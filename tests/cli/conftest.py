"""Fixtures for the tests of commands: the command itself, and runs for it to read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vpnet.cli.app import app
from vpnet.simulation.simulated_study import write_simulated_study


@pytest.fixture
def vpnet() -> Callable[..., str]:
    """Function that runs `vpnet` with arguments and gives what it printed."""

    def run(*arguments: object) -> str:
        ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert ended.exit_code == 0, ended.output
        return ended.output

    return run


@pytest.fixture(scope="session")
def small_study(tmp_path_factory) -> Path:
    """A simulated study of three viewers and two videos, with its maps; not to be written to."""
    root = tmp_path_factory.mktemp("small") / "study"
    return write_simulated_study(root, users=3, videos=2, duration_s=16.0)


@pytest.fixture(scope="session")
def another_seed(smoke_train, tmp_path_factory) -> Path:
    """A second run of the fusion model; not to be written to."""
    return smoke_train(tmp_path_factory.mktemp("runs") / "seed_2", "seed=2")
