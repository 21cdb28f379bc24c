"""Trainings in jobs of Slurm's."""

import os

from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from vpnet.errors import InputError

INTERACTIVE = ("bash", "interactive")
"""Names of jobs that are shells: a program started there is on its own."""

PLACES = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")
"""Which of the processes this is; without them Lightning fails."""

STEP = "SLURM_STEP_ID"
"""Set where srun starts a process, not in the batch script itself."""


def check_slurm() -> None:
    """Refuse variables of Slurm by which Lightning would fail, or wait for processes in vain.

    Raises:
        InputError: A job has several tasks, and this program is none of them, or it is not said
            how many there are on a node.
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
