"""What Slurm's variables say of a training that Slurm's `srun` has not started."""

import os

from vpnet.errors import InputError

INTERACTIVE = ("bash", "interactive")
"""Names of jobs that are shells: a program started there is on its own."""

STARTED = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")
"""Set by srun, for each of the processes that it starts."""


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
    if not all(name in os.environ for name in STARTED):
        missing = next(name for name in STARTED if name not in os.environ)
        raise InputError(
            f"SLURM_NTASKS={tasks} is set, but srun did not start this program ({missing} is not "
            "set); in a batch script start it with srun (and sbatch --ntasks-per-node=DEVICES), in "
            "a shell set SLURM_JOB_NAME=interactive"
        )
    if int(tasks) > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"SLURM_NTASKS={tasks} is set without SLURM_NTASKS_PER_NODE; give Slurm "
            "--ntasks-per-node=DEVICES in place of --ntasks, with trainer.devices=DEVICES"
        )
