"""kill -9 at a random moment, the same command again: as if nothing had happened.

The moment is drawn anew each time and printed; VPNET_KILL_SEED=N draws one again.
"""

import contextlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fixtures.processes import Command

SMOKE = ("trainer=smoke", "logger=csv", "bootstrap_draws=50", "plots.format=none")
TINY = ("data.users=5", "data.videos=5", "data.duration_s=16")
EPOCHS = 6
LONGER = (f"trainer.max_epochs={EPOCHS}", f"training.max_epochs={EPOCHS}", "training.patience=null")
LSTM = ("model=lstm", "model.hidden=8")
# Whatever is drawn while training: dropout, hidden streams and users, mirrored windows.
FUSION = ("model=fusion", "training.mirror=true", "training.batch_size=64")

Start = Callable[..., Command]

PHASES = {
    "first_epoch": ("csv", "first last.ckpt"),
    "between_epochs": ("first last.ckpt", "last.ckpt of the last epoch"),
    "evaluation": ("last.ckpt of the last epoch", "errors.parquet"),
    "pictures": ("results.md", "metrics.json"),
}
"""From one event of a run to another."""


@pytest.fixture
def start(start_command) -> Start:
    """Function that starts train.py in a process of its own."""
    return lambda *settings: start_command("train.py", *SMOKE, *TINY, *settings)


def complete(process: Command) -> None:
    assert process.wait(600) == 0, process.err


class Events:
    """When the files of a run appear, in seconds of a monotonic clock."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.seen: dict[str, float] = {}
        self.lasts: set[int] = set()

    def look(self) -> None:
        found = [name for name in ("csv", "errors.parquet", "results.md") if self._is(name)]
        last = self.run / "checkpoints" / "last.ckpt"
        with contextlib.suppress(FileNotFoundError):
            self.lasts.add(last.stat().st_mtime_ns)
        if self.lasts:
            found.append("first last.ckpt")
        if len(self.lasts) >= EPOCHS or self._is("errors.parquet"):
            found.append("last.ckpt of the last epoch")
        if self._is("metrics.json"):
            found.append("metrics.json")
        for name in found:
            self.seen.setdefault(name, time.monotonic())

    def _is(self, name: str) -> bool:
        return (self.run / name).exists()

    def wait_for(self, process: Command, name: str) -> None:
        while name not in self.seen:
            assert process.poll() is None, f"it ended before {name}"
            self.look()
            time.sleep(0.001)


@pytest.fixture
def moment() -> random.Random:
    """Source of the moments; its seed is printed with a failure."""
    seed = int(os.environ.get("VPNET_KILL_SEED", random.SystemRandom().randrange(10**6)))
    print(f"VPNET_KILL_SEED={seed}")
    return random.Random(seed)


def watched(start: Start, run: Path, *settings: str) -> dict[str, float]:
    """Train without an interruption, and tell when what happened."""
    process, events = start(*settings, f"hydra.run.dir={run}"), Events(run)
    while process.poll() is None:
        events.look()
        time.sleep(0.005)
    assert process.poll() == 0, process.err
    events.look()
    return events.seen


def kill_within(
    phase: str,
    start: Start,
    run: Path,
    durations: dict[str, float],
    moment: random.Random,
    *settings: str,
) -> None:
    """Start a run, and kill it at a random moment of a phase, by the durations of another run."""
    begin, end = PHASES[phase]
    delay_s = moment.uniform(0, 0.95) * max(0.0, durations[end] - durations[begin])
    process = start(*settings, f"hydra.run.dir={run}")
    try:
        Events(run).wait_for(process, begin)
        time.sleep(delay_s)
    finally:
        process.kill()
    print(f"killed {delay_s:.3f} s after {begin}; {sorted(file.name for file in run.iterdir())}")


def kill_while_writing(start: Start, run: Path, moment: random.Random, *settings: str) -> None:
    """Start a run, and kill it while it writes one of its checkpoints."""
    folder, ready = run / "checkpoints", moment.randrange(1, 2 * EPOCHS)
    process = start(*settings, f"hydra.run.dir={run}")
    before: dict[str, Any] = {}
    try:
        while ready > 0:
            assert process.poll() is None, "it ended before it could be killed"
            now = dict(_states(folder))
            # A file that is new or grows: one is being written.
            ready -= now != before
            before = now
        time.sleep(moment.uniform(0, 0.005))
    finally:
        process.kill()
    print(f"killed while {before} were there")


def _states(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        for entry in os.scandir(folder):
            state = entry.stat()
            yield entry.name, (state.st_size, state.st_mtime_ns)
    except FileNotFoundError:
        return


def assert_same_results(run: Path, whole: Path) -> None:
    """Weights and metrics are equal to the last bit, and all that is promised is there."""
    for name in ("best.ckpt", "last.ckpt"):
        one, other = (
            torch.load(folder / "checkpoints" / name, weights_only=True) for folder in (run, whole)
        )
        assert one["epoch"] == other["epoch"]
        assert list(one["state_dict"]) == list(other["state_dict"])
        for key, value in other["state_dict"].items():
            assert torch.equal(one["state_dict"][key], value), f"{name}: {key}"
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (run, whole))
    assert first == second
    for name in ("errors.parquet", "predictions.parquet", "results.md"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    promised, left = (
        {file.name for file in folder.iterdir() if not file.name.startswith(("csv", "."))}
        for folder in (whole, run)
    )
    assert left == promised


def test_a_killed_run_ends_as_if_it_had_not_been(start, tmp_path, smoke_train, moment):
    """Once, of a small network and few data, after some epochs; the slow tests do the rest."""
    few = ("data.users=3", "data.videos=3", "trainer.max_epochs=4", "training.max_epochs=4")
    settings = (*LSTM, *LONGER, *few)
    whole = smoke_train(tmp_path / "whole", *settings)
    run, epochs = tmp_path / "run", moment.randrange(1, 4)
    process, events = start(*settings, f"hydra.run.dir={run}"), Events(run)
    try:
        while len(events.lasts) < epochs:
            assert process.poll() is None, "it ended before it could be killed"
            events.look()
        time.sleep(moment.uniform(0, 0.05))
    finally:
        process.kill()
    smoke_train(run, *settings)
    assert_same_results(run, whole)


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Callable[..., tuple[Path, dict[str, float]]]:
    """Function that gives a run that was not interrupted, and when what happened in it."""
    made: dict[tuple[str, ...], tuple[Path, dict[str, float]]] = {}

    def make(start: Start, *settings: str) -> tuple[Path, dict[str, float]]:
        if settings not in made:
            run = tmp_path_factory.mktemp("whole") / "run"
            made[settings] = run, watched(start, run, *settings)
        return made[settings]

    return make


@pytest.mark.slow
@pytest.mark.parametrize("phase", [*PHASES, "checkpoint"])
def test_killed_in_each_phase(start, reference, phase, tmp_path, moment):
    settings = (*FUSION, *LONGER, "plots.format=png")
    whole, durations = reference(start, *settings)
    run = tmp_path / "run"
    if phase == "checkpoint":
        kill_while_writing(start, run, moment, *settings)
    else:
        kill_within(phase, start, run, durations, moment, *settings)
    assert not (run / "metrics.json").exists()
    complete(start(*settings, f"hydra.run.dir={run}"))
    assert_same_results(run, whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ("stage=general", "model=fusion"),
        ("model=fusion", "num_workers=2", "training.mirror=true"),
        (*LSTM, "training=star_vp", "training.scheduler.patience=0", "training.batch_size=32"),
    ],
    ids=["general", "workers", "plateau"],
)
def test_killed_in_other_trainings(start, reference, settings, tmp_path, moment):
    settings = (*settings, *LONGER)
    whole, durations = reference(start, *settings)
    run = tmp_path / "run"
    kill_within("between_epochs", start, run, durations, moment, *settings)
    complete(start(*settings, f"hydra.run.dir={run}"))
    assert_same_results(run, whole)


@pytest.mark.slow
def test_killed_in_the_second_stage(start, reference, tmp_path, moment):
    general, _ = reference(start, "stage=general", "model=fusion", *LONGER)
    start_from = f"checkpoint={general / 'checkpoints' / 'best.ckpt'}"
    settings = ("stage=personal", "model=fusion", start_from, *LONGER)
    whole, durations = reference(start, *settings)
    run = tmp_path / "run"
    kill_within("between_epochs", start, run, durations, moment, *settings)
    complete(start(*settings, f"hydra.run.dir={run}"))
    assert_same_results(run, whole)
