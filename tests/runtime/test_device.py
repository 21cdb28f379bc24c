import pytest
import torch

from vpnet.errors import InputError
from vpnet.runtime.device import (
    best_device,
    choose_accelerator,
    choose_precision,
    unused_card,
    why_unused,
)
from vpnet.runtime.nvidia_card import PROC, Card, find_card

CARD = Card("NVIDIA GeForce RTX 3090", "550.90.07")
WITHOUT_CARD = pytest.mark.skipif(
    torch.cuda.is_available() or PROC.exists(), reason="this machine has a card"
)


@pytest.mark.parametrize(
    ("driver", "torch_version", "cuda", "words"),
    [
        ("550.90.07", "2.15.0+cu130", "13.0", "is built for CUDA 13.0, which needs driver 580"),
        ("550.90.07", "2.15.0+cu130", "13.0", "run `make install CUDA=12` in a clone, or `pip i"),
        ("470.10", "2.10.0+cu128", "12.8", "needs driver 525 or newer; install a newer driver"),
        ("470.10", "2.15.0+cu130", "13.0", "needs driver 580 or newer; install a newer driver"),
        ("550.90.07", "2.10.0+cpu", None, "torch 2.10.0+cpu is built for the CPU alone; run `rm"),
        ("550.90.07", "2.10.0+cu128", "12.8", "does not compute on it; run `vpnet doctor`"),
    ],
)
def test_why_a_card_is_not_used_is_one_line(driver, torch_version, cuda, words):
    line = why_unused(Card(CARD.name, driver), torch_version, cuda)
    assert words in line
    assert f"{CARD.name} (driver {driver}) is not used" in line
    assert "\n" not in line


@WITHOUT_CARD
def test_a_card_is_seen_that_torch_cannot_use(fake_nvidia_smi, monkeypatch):
    find_card.cache_clear()
    fake_nvidia_smi("echo 'NVIDIA GeForce RTX 3090, 470.10'")
    line = unused_card()
    find_card.cache_clear()
    assert line is not None
    assert torch.__version__ in line
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert unused_card() is None, "whoever hides the card knows"


@WITHOUT_CARD
def test_without_a_card_auto_is_the_cpu_in_full_precision():
    assert best_device() == ("cpu", "CPU", "32-true")
    assert choose_accelerator("auto") == "cpu"
    assert choose_precision("auto", "cpu") == "32-true"
    assert choose_precision("bf16-mixed", "cpu") == "bf16-mixed", "what was typed stays"
    with pytest.raises(InputError, match="trainer.accelerator=gpu needs a CUDA device"):
        choose_accelerator("gpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card that torch can use")
def test_with_a_card_auto_is_the_card():
    device = best_device()
    assert device.accelerator == choose_accelerator("auto") == "cuda"
    assert device.name == torch.cuda.get_device_name()
    has_bfloat16 = torch.cuda.get_device_capability() >= (8, 0)
    assert device.precision == ("bf16-mixed" if has_bfloat16 else "32-true")
    assert choose_precision("auto", "cpu") == "32-true"
    assert unused_card() is None
