import os

import pytest

from vpnet.errors import InputError
from vpnet.training.slurm import check_slurm

BY_SRUN = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
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
        FOUR | {"TORCHELASTIC_RUN_ID": "1"},
    ],
)
def test_what_works_is_let_be(slurm, variables):
    slurm(variables)
    check_slurm()


@pytest.mark.parametrize("name", ["interactive", "train"])
def test_lightning_takes_what_is_let_be(slurm, name, tmp_path):
    """As an interactive job, and as one task of two that srun starts."""
    from vpnet.training.trainer import make_trainer

    slurm(FOUR | BY_SRUN | {"SLURM_JOB_NAME": name, "SLURM_NTASKS_PER_NODE": "4"})
    assert make_trainer(tmp_path, loggers=[], progress_bar=False).global_rank == 0
