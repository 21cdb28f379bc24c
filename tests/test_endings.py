"""How train.py ends where it does not come to its end, in real processes."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

from fixtures.processes import Command
from vpnet.runtime import run_lock

SMOKE = ("trainer=smoke", "logger=csv", "bootstrap_draws=50", "plots.format=none")
TINY = ("data.users=5", "data.videos=5", "data.duration_s=16")
LSTM = ("model=lstm", "model.hidden=8")
ENDLESS = ("trainer.max_epochs=100000", "training.max_epochs=100000", "training.patience=null")
TWO = ("trainer.devices=2", "trainer.strategy=ddp")


@pytest.fixture
def start(start_command) -> Callable[..., Command]:
    """Function that starts train.py in a process of its own."""
    return lambda *settings: start_command("train.py", *SMOKE, *TINY, *settings)


def wait_for(file: Path, process: Command) -> None:
    while not file.is_file():
        assert process.poll() is None, process.err
        time.sleep(0.01)


def ended(process: Command, timeout_s: float = 60) -> tuple[int, str]:
    """The exit code, and what was said on stderr; nothing of the process is left."""
    code = process.wait(timeout_s)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return code, process.err


def is_whole(checkpoint: Path) -> bool:
    return "state_dict" in torch.load(checkpoint, weights_only=True)


def assert_ends(process: Command, how: signal.Signals, run: Path) -> None:
    """It ends with the code of the signal, and leaves its last checkpoint."""
    process.send_signal(how)
    code, said = {signal.SIGTERM: (143, "terminated"), signal.SIGINT: (130, "interrupted")}[how]
    assert ended(process) == (code, f"{said}; what was finished is kept\n")
    assert is_whole(run / "checkpoints" / "last.ckpt")
    assert not (run / "metrics.json").exists()


@pytest.mark.slow
def test_an_interruption_ends_a_run_with_130(start, tmp_path):
    process = start(*LSTM, *ENDLESS, f"hydra.run.dir={tmp_path}")
    wait_for(tmp_path / "checkpoints" / "last.ckpt", process)
    assert_ends(process, signal.SIGINT, tmp_path)


@pytest.mark.slow
def test_sigterm_ends_a_sweep(start, tmp_path):
    folder = f"hydra.sweep.dir={tmp_path}"
    process = start("-m", "seed=1,2", *LSTM, *ENDLESS, folder, "hydra.sweep.subdir=run_${seed}")
    wait_for(tmp_path / "run_1" / "checkpoints" / "last.ckpt", process)
    process.send_signal(signal.SIGTERM)
    code, err = ended(process)
    assert (code, err.count("what was finished is kept")) == (143, 1)
    assert not (tmp_path / "run_2").exists()


@pytest.mark.slow
def test_sigterm_ends_all_processes_of_a_run(start, tmp_path):
    process = start(*LSTM, *ENDLESS, *TWO, f"hydra.run.dir={tmp_path}")
    wait_for(tmp_path / "checkpoints" / "last.ckpt", process)
    process.send_signal(signal.SIGTERM)
    code, err = ended(process)
    assert (code, err.count("what was finished is kept")) == (143, 1)
    assert "Traceback" not in err
    assert is_whole(tmp_path / "checkpoints" / "last.ckpt")


def test_a_second_training_is_refused_and_sigterm_ends_the_first_with_143(
    start, tmp_path, run_script, monkeypatch
):
    """Both in one test, of one process."""
    monkeypatch.setattr(run_lock, "LOCK_WAIT_S", 0.3)
    process = start(*LSTM, *ENDLESS, f"hydra.run.dir={tmp_path}")
    wait_for(tmp_path / ".lock", process)
    # Before the first has written anything, so that the folder is nearly empty.
    again = (*SMOKE, *TINY, *LSTM, f"hydra.run.dir={tmp_path}")
    refused = run_script("train.py", *again)
    assert refused.code == 2
    assert refused.err.count("error: ") == 1
    assert "another process trains or evaluates in this run folder" in refused.err
    assert "Traceback" not in refused.err
    wait_for(tmp_path / "checkpoints" / "last.ckpt", process)
    evaluated = run_script("train.py", *again, "fit=false", "checkpoint=any.ckpt")
    assert (evaluated.code, evaluated.err) == (refused.code, refused.err)
    swept = run_script(
        "train.py", "-m", "seed=1,2", *again[:-1], f"hydra.sweep.dir={tmp_path.parent}",
        f"hydra.sweep.subdir={tmp_path.name}",
    )  # fmt: skip
    assert swept.code == 2
    assert swept.err.count("another process") == 1
    assert process.poll() is None, "the first continues"
    assert_ends(process, signal.SIGTERM, tmp_path)


def test_tasks_of_slurm_that_srun_has_not_started_are_refused(train_refused, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    for name, value in (("JOB_ID", "7"), ("NTASKS", "4"), ("JOB_NAME", "train")):
        monkeypatch.setenv(f"SLURM_{name}", value)
    message = train_refused("model=linear", "data=simulated")
    assert "SLURM_NTASKS=4 is set, but srun did not start this program" in message
    assert message.count("\n") == 1


def validation_errors(run: Path) -> pl.DataFrame:
    logged = pl.read_csv(run / "csv" / "metrics.csv")
    names = [name for name in logged.columns if name.startswith("val/error")]
    return logged.select(names).drop_nulls()


@pytest.mark.slow
@pytest.mark.parametrize("extra", [(), ("saliency=center_bias", "data.users=7")])
def test_two_processes_measure_the_validation_error_of_one(start, tmp_path, smoke_train, extra):
    """Of 25 or 35 windows: an odd number, so that Lightning shows one of them twice."""
    still = (*LSTM, "training.optimizer.lr=0", *extra)
    one = smoke_train(tmp_path / "one", *still)
    process = start(*still, *TWO, f"hydra.run.dir={tmp_path / 'two'}")
    code, err = ended(process, 300)
    assert code == 0, err
    errors, expected = validation_errors(tmp_path / "two"), validation_errors(one)
    assert errors.columns == expected.columns
    for name in expected.columns:
        assert errors[name].to_list() == pytest.approx(expected[name].to_list(), rel=1e-5)
