"""Fixtures for all tests: the real data, the commands, and a random state that stays put."""

import contextlib
import io
import logging
import math
import os
import random
import re
import runpy
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossVideo
from vpnet.dataset.task import Task
from vpnet.geometry.directions import direction_from_angles
from vpnet.settings import Setting
from vpnet.simulation.simulated_study import simulate_recordings, write_simulated_study

pytest_plugins = (
    "fixtures.evaluations",
    "fixtures.experiment",
    "fixtures.headset_files",
    "fixtures.made_once",
    "fixtures.processes",
    "fixtures.viewing",
)

REPOSITORY = Path(__file__).resolve().parents[1]

SMOKE = ("trainer=smoke", "logger=csv", "bootstrap_draws=50", "plots.format=none")
TINY = ("data.users=5", "data.videos=5", "data.duration_s=16")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the real recordings; absent on a user's machine, required in CI."""
    folder = Path(os.environ.get("VPNET_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        message = f"real recordings not found at {folder}; set VPNET_SHARED"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture
def stir() -> Callable[[nn.Module], None]:
    """Function that moves every parameter off its start, so that zeros hide nothing."""

    def move(module: nn.Module, scale: float = 0.05) -> None:
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in module.parameters():
                step = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
                parameter += scale * step

    return move


@pytest.fixture
def fake_nvidia_smi(tmp_path, monkeypatch) -> Callable[[str], None]:
    """Function that puts a script named nvidia-smi on the PATH, in place of NVIDIA's program."""

    def put(script: str) -> None:
        program = tmp_path / "fake_nvidia_smi" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return put


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory) -> Iterator[None]:
    """Recordings that tests read are kept apart from the user's."""
    before = os.environ.get("VPNET_CACHE")
    os.environ["VPNET_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["VPNET_CACHE"]
    else:
        os.environ["VPNET_CACHE"] = before


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def smoke_settings() -> tuple[str, ...]:
    """Settings of train.py for a run that is over in seconds, whatever its data."""
    return SMOKE


@pytest.fixture(scope="session")
def tiny_settings() -> tuple[str, ...]:
    """Settings of train.py for a few simulated recordings."""
    return TINY


@pytest.fixture(scope="session")
def run_script() -> Callable[..., Ended]:
    """Function that runs train.py or predict.py as a shell would, but in this process.

    A defect's exception comes through; what the user can mend ends as the command does, with its
    exit code. Whatever the command changed in this process is restored.
    """

    def run(script: str, *arguments: object, folder: Path | None = None) -> Ended:
        argv, cwd, environment = sys.argv, os.getcwd(), dict(os.environ)
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        out, err, code = io.StringIO(), io.StringIO(), 0
        try:
            sys.argv = [script, *map(str, arguments)]
            os.chdir(folder or cwd)
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                warnings.catch_warnings(),
            ):
                runpy.run_path(str(REPOSITORY / script), run_name="__main__")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        finally:
            sys.argv = argv
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(environment)
            root.handlers[:] = handlers
            root.setLevel(level)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def smoke_train(run_script) -> Callable[..., Path]:
    """Function that trains for a moment on a tiny simulated study, and gives the run folder."""

    def train(folder: Path, *overrides: object) -> Path:
        ended = run_script("train.py", *SMOKE, *TINY, f"hydra.run.dir={folder}", *overrides)
        assert ended.code == 0, ended.err
        assert f"run folder: {folder}" in ended.out
        return folder

    return train


@pytest.fixture(scope="session")
def fusion_run(smoke_train, tmp_path_factory) -> Path:
    """Folder of a finished run of the fusion model; not to be written to."""
    return smoke_train(tmp_path_factory.mktemp("runs") / "fusion", "seed=1")


@pytest.fixture(scope="session")
def general_run(smoke_train, tmp_path_factory) -> Path:
    """Folder of a finished run of the general stage, of a narrow network; not to be written to."""
    folder = tmp_path_factory.mktemp("runs") / "general"
    return smoke_train(folder, "stage=general", "model.width=32")


@pytest.fixture(scope="session")
def simulated_study(tmp_path_factory) -> Path:
    """A simulated study on disk, as tiny as that in memory; not to be written to."""
    root = tmp_path_factory.mktemp("simulated") / "study"
    return write_simulated_study(root, users=5, videos=5, duration_s=16.0)


@pytest.fixture(scope="session")
def small_study(simulated_study, tmp_path_factory) -> Path:
    """Of three viewers and three videos of the simulated study; not to be written to."""
    root = tmp_path_factory.mktemp("small") / "study"
    for user in ("S01", "S02", "S03"):
        for video in ("simulated_01", "simulated_02", "simulated_03"):
            shutil.copytree(simulated_study / user / video, root / user / video)
    return root


@pytest.fixture
def predict_from(run_script, tmp_path) -> Callable[..., pl.DataFrame]:
    """Function that runs predict.py with the checkpoint of a run, and reads what it writes."""

    def run(folder: Path, recording: object, *arguments: str) -> pl.DataFrame:
        output = tmp_path / "predictions.parquet"
        ended = run_script(
            "predict.py",
            f"checkpoint={folder / 'checkpoints' / 'best.ckpt'}",
            f"recording={recording}",
            f"output={output}",
            *arguments,
        )
        assert ended.code == 0, ended.err
        assert f"written to {output}" in ended.out
        return pl.read_parquet(output)

    return run


@pytest.fixture
def refused(run_script, tmp_path) -> Callable[..., str]:
    """Function that runs a command that must be refused, and gives its message."""

    def run(script: str, *arguments: object) -> str:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        runs = work / "runs"
        before = {runs, *work.rglob("*")}
        ended = run_script(script, *arguments, folder=work)
        assert ended.code == 2
        assert "Traceback" not in ended.err
        assert ended.err.startswith("error: ")
        assert {runs, *work.rglob("*")} == before, "nothing is left behind"
        assert work.is_dir()
        return ended.err

    return run


@pytest.fixture
def train_refused(refused, smoke_settings) -> Callable[..., str]:
    """The same for train.py."""
    return lambda *arguments: refused("train.py", *smoke_settings, *arguments)


@pytest.fixture(scope="session")
def directions_at() -> Callable[..., torch.Tensor]:
    """Function that makes directions of yaw and elevation in degrees."""

    def make(
        yaw_deg: Sequence[float], elevation_deg: Sequence[float] | float = 0.0
    ) -> torch.Tensor:
        yaw_rad = torch.deg2rad(torch.tensor(yaw_deg, dtype=torch.float64))
        elevation_rad = torch.deg2rad(torch.tensor(elevation_deg, dtype=torch.float64))
        return direction_from_angles(yaw_rad, elevation_rad.expand_as(yaw_rad))

    return make


@pytest.fixture(scope="session")
def wrong_values() -> Callable[[Setting], list[Any]]:
    """Function that gives values of which a setting must refuse each: those of other types."""
    candidates = (None, "no", "0.1", ["nose"], [True], {"a": 1}, True, 3, 0.5, math.nan)
    kinds = {
        "true or false": bool,
        "a whole number": int,
        "a number": (int, float),
        "text": str,
        "a path": str,
        "a list": list,
        "null": type(None),
    }

    def is_right(value: Any, words: str) -> bool:
        """Whether the type alone would let a value pass, by what is said to be allowed."""
        named = [kind for word, kind in kinds.items() if re.search(rf"(^|or ){word}\b", words)]
        is_one = any(isinstance(value, kind) for kind in named)
        if isinstance(value, bool):
            return bool in named
        return is_one and value == value and value != ["nose"] and value != [True]

    def wrong(setting: Setting) -> list[Any]:
        return [value for value in candidates if not is_right(value, setting.allowed)]

    return wrong


@pytest.fixture(scope="session")
def tiny_data() -> ViewportDataModule:
    """Windows of a simulated study of 4 viewers and 4 videos; not to be changed."""
    task = Task("tiny", 5, 1.0, [0.2, 0.6, 1.0], [0.2, 0.5, 1.0], 1.0, 1.0, 0.4)
    recordings = simulate_recordings(users=4, videos=4, duration_s=10.0)
    return ViewportDataModule(recordings, CrossVideo(0.25, 0.25), task, batch_size=64)


@pytest.fixture(autouse=True)
def _keep_random_state():
    """Restore every random state after each test, so that no test depends on another's order."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state, threads = torch.get_rng_state(), torch.get_num_threads()
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)
    torch.set_rng_state(torch_state)
    torch.set_num_threads(threads)
