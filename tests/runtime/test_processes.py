import os

import pytest

from vpnet.errors import InputError
from vpnet.runtime.processes import check_slurm, slurm_environment

IN_A_SCRIPT = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
BY_SRUN = IN_A_SCRIPT | {"SLURM_STEP_ID": "0"}
FOUR = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "train"}


@pytest.fixture
def slurm(monkeypatch):
    """Function that sets Slurm's variables, and no others of Slurm's."""

    def give(variables: dict[str, str]) -> None:
        for name in [*os.environ]:
            if name.startswith(("SLURM_", "TORCHELASTIC_")):
                monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return give


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (FOUR, "SLURM_NTASKS=4 is set, but srun did not start .*SLURM_PROCID.* srun .*interactive"),
        (FOUR | {"SLURM_NTASKS": "1"}, "SLURM_NTASKS=1 is set, but srun did not start"),
        (FOUR | IN_A_SCRIPT, "srun did not start this program .SLURM_STEP_ID is not set"),
        (FOUR | BY_SRUN, "without SLURM_NTASKS_PER_NODE; give Slurm --ntasks-per-node=DEVICES"),
    ],
)
def test_what_lightning_would_fail_on_is_refused(slurm, variables, message):
    slurm(variables)
    with pytest.raises(InputError, match=message):
        check_slurm()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        FOUR | {"SLURM_JOB_NAME": "interactive"},
        FOUR | {"SLURM_JOB_NAME": "bash"},
        FOUR | BY_SRUN | {"SLURM_NTASKS_PER_NODE": "4"},
        FOUR | BY_SRUN | {"SLURM_NTASKS": "1"},
        FOUR | IN_A_SCRIPT | {"SLURM_NTASKS": "1"},
        FOUR | {"TORCHELASTIC_RUN_ID": "1"},
    ],
)
def test_what_works_is_accepted(slurm, variables):
    slurm(variables)
    check_slurm()


@pytest.mark.parametrize("name", ["interactive", "train"])
def test_lightning_takes_what_is_accepted(slurm, name, tmp_path):
    """As an interactive job, and as one task of two that srun starts."""
    from vpnet.runtime.trainer import make_trainer

    slurm(FOUR | BY_SRUN | {"SLURM_JOB_NAME": name, "SLURM_NTASKS_PER_NODE": "4"})
    assert make_trainer(tmp_path, loggers=[], progress_bar=False).global_rank == 0


def test_lightning_writes_no_checkpoint_of_its_own_when_slurm_warns(slurm, tmp_path):
    """Whatever lies in the folder later, it would load."""
    from vpnet.runtime.trainer import make_trainer

    slurm(FOUR | BY_SRUN | {"SLURM_NTASKS": "1"})
    (environment,) = slurm_environment()
    assert not environment.auto_requeue
    make_trainer(tmp_path, loggers=[], progress_bar=False)
    slurm(FOUR | {"TORCHELASTIC_RUN_ID": "1"})
    assert slurm_environment() == []
