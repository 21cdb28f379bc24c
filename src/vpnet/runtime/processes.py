"""Trainings of several processes: started by Slurm, and ended together."""

import os
import signal
import subprocess
import threading

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from vpnet.errors import InputError
from vpnet.runtime.termination import Terminated, handler

INTERACTIVE = ("bash", "interactive")
"""Names of Slurm's jobs that are shells: a program started there is on its own."""

PLACES = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")
"""Which of the processes this is; without them Lightning fails."""

STEP = "SLURM_STEP_ID"
"""Set where srun starts a process, not in the batch script itself."""

END_WAIT_S = 2.0
"""How long another process of the training may take to end before it is killed."""


def check_slurm() -> None:
    """Refuse variables of Slurm by which Lightning would fail, or wait for processes in vain.

    Raises:
        InputError: A job has several tasks, and this program is none of them, or their number per
            node is unknown.
    """
    tasks = os.environ.get("SLURM_NTASKS")
    alone = os.environ.get("SLURM_JOB_NAME") in INTERACTIVE or "TORCHELASTIC_RUN_ID" in os.environ
    if tasks is None or alone:
        return
    needed = PLACES if tasks == "1" else (*PLACES, STEP)
    missing = next((name for name in needed if name not in os.environ), None)
    if missing is not None:
        raise InputError(
            f"SLURM_NTASKS={tasks} is set, but srun did not start this program ({missing} is not "
            "set); in a batch script start it with srun (and sbatch --ntasks-per-node=DEVICES), in "
            "a shell set SLURM_JOB_NAME=interactive"
        )
    if tasks != "1" and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"SLURM_NTASKS={tasks} is set without SLURM_NTASKS_PER_NODE; give Slurm "
            "--ntasks-per-node=DEVICES in place of --ntasks, with trainer.devices=DEVICES"
        )


def slurm_environment() -> list[SLURMEnvironment]:
    """The plugin for Lightning's trainer where srun has started this process.

    Lightning's own would write a checkpoint in the midst of an epoch when Slurm warns of the end of
    a job (SIGUSR1), and every later training, validation and test in the folder would load it. Here
    a training resumes from the last epoch that was finished, however it ended.
    """
    if SLURMEnvironment.detect() and not TorchElasticEnvironment.detect():
        return [SLURMEnvironment(auto_requeue=False)]
    return []


class EndAllProcesses(pl.Callback):
    """Let SIGTERM end a training of several processes at once.

    Lightning's own handler would let the processes agree first, in the midst of whatever they are
    exchanging, and can wait for ever. Here the first process ends the others, which have nothing to
    write.
    """

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the place of the handler that Lightning has set just before."""
        if trainer.world_size == 1 or threading.current_thread() is not threading.main_thread():
            return
        if not trainer.is_global_zero:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            return
        others = _other_processes(trainer)
        signal.signal(signal.SIGTERM, handler(lambda: _end(others)))

    # Where nothing is checked before training, and for each evaluation.
    on_train_start = on_test_start = on_sanity_check_start

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Where the signal came before the processes had found each other."""
        if isinstance(exception, Terminated) and trainer.is_global_zero:
            _end(_other_processes(trainer))


def _other_processes(trainer: pl.Trainer) -> list[subprocess.Popen]:
    """Processes that this one has started. A cluster starts and ends its own."""
    return getattr(trainer.strategy.launcher, "procs", [])


def _end(others: list[subprocess.Popen]) -> None:
    for process in others:
        process.terminate()
    for process in others:
        try:
            process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    # Lightning looks at this list, and would kill the first process as well.
    others.clear()
