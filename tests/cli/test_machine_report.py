"""In a process of its own, where torch has not looked for a card yet."""

import re
import sys
from pathlib import Path

import pytest
import torch

from vpnet.cli.machine_report import without_home
from vpnet.runtime.device import PROC


def test_a_bug_report_says_what_there_is(start_command, tmp_path):
    home = tmp_path / "someone"
    home.mkdir()
    cache = home / "caches"
    cache.mkdir()
    (cache / "kept.bin").write_bytes(b"x" * 2_000_000)
    variables = {"HOME": str(home), "VPNET_CACHE": str(cache), "WANDB_MODE": "offline"}
    ended = start_command("vpnet", "doctor", **variables)
    code = ended.wait()
    facts = {line[:18].rstrip(): line[19:] for line in ended.out.splitlines()}
    assert torch.__version__ in facts["torch"]
    assert facts["python"].startswith(".".join(map(str, sys.version_info[:3])))
    names = ("vpnet", "torchvision", "hydra-core", "wandb", "card", "trainer=auto", "disk, here")
    assert set(names) <= facts.keys()
    assert facts["pyav"] == "decodes"
    assert facts["W&B"] == "offline, as WANDB_MODE says"
    assert facts["caches"] == "~/caches, as VPNET_CACHE says: 2 MB in 1 files"
    assert "someone" not in ended.out + ended.err
    assert code == int("DOES NOT WORK" in ended.out)


@pytest.mark.skipif(
    torch.cuda.is_available() or PROC.exists(), reason="this machine has a card of its own"
)
def test_a_card_that_torch_cannot_use_is_one_line(start_command, fake_nvidia_smi):
    fake_nvidia_smi("echo 'NVIDIA GeForce RTX 3090, 470.10'")
    ended = start_command("vpnet", "doctor")
    assert ended.wait() == 1
    (line,) = (line for line in ended.out.splitlines() if "is not used" in line)
    assert "DOES NOT WORK: NVIDIA GeForce RTX 3090 (driver 470.10) is not used: torch" in line
    assert re.search(r"^driver +470\.10$", ended.out, re.MULTILINE)
    assert re.search(r"^trainer=auto +CPU, 32-true$", ended.out, re.MULTILINE)


def test_only_the_home_folder_is_shortened():
    assert without_home(Path.home() / "a" / "b") == "~/a/b"
    assert without_home(Path("/data/a")) == "/data/a"
