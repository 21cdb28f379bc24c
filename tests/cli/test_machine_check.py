"""train.py and predict.py say once what keeps this machine from computing as it could."""

import os
import subprocess
import sys

import pytest
import torch

from vpnet.runtime.nvidia_card import PROC


@pytest.mark.skipif(
    torch.cuda.is_available() or PROC.exists(), reason="this machine has a card of its own"
)
@pytest.mark.parametrize(
    "command",
    [
        ("train.py", "fit=false", "checkpoint=absent.ckpt"),
        ("predict.py", "checkpoint=absent.ckpt", "recording=absent", "output=out.csv"),
    ],
    ids=["train", "predict"],
)
def test_a_card_that_torch_cannot_use_is_one_line(command, repository, fake_nvidia_smi, tmp_path):
    """The commands then end, for their checkpoint is missing."""
    fake_nvidia_smi("echo 'NVIDIA GeForce RTX 3090, 470.10'")
    script, *arguments = command
    ended = subprocess.run(
        [sys.executable, str(repository / script), *arguments],
        env=os.environ | {"PYTHONPATH": str(repository / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert "absent.ckpt" in ended.stderr
    (line,) = (line for line in ended.stdout.splitlines() if "is not used" in line)
    assert "NVIDIA GeForce RTX 3090 (driver 470.10) is not used: torch" in line
    assert torch.__version__ in line
