"""nvidia-smi is an outside program: here a script of the same name says what it would."""

import time

import pytest
import torch

from vpnet.errors import InputError
from vpnet.runtime.device import (
    PROC,
    Card,
    best_device,
    choose_accelerator,
    choose_precision,
    cpu_has_bfloat16,
    find_card,
    unused_card,
    why_unused,
)

CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n"
CARD = Card("NVIDIA GeForce RTX 3090", "550.90.07")
WITHOUT_CARD = pytest.mark.skipif(
    torch.cuda.is_available() or PROC.exists(), reason="this machine has a card"
)


@pytest.fixture(autouse=True)
def _forget_findings():
    """What a test finds out is not kept."""
    for found in (find_card, cpu_has_bfloat16):
        found.cache_clear()
    yield
    for found in (find_card, cpu_has_bfloat16):
        found.cache_clear()


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
    fake_nvidia_smi("echo 'NVIDIA GeForce RTX 3090, 470.10'")
    line = unused_card()
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


@pytest.mark.parametrize(("version", "driver"), [(CLOSED, "550.90.07"), (OPEN, "570.124.06")])
def test_linux_says_it_in_files(tmp_path, version, driver):
    (tmp_path / "version").write_text(version)
    information = tmp_path / "gpus" / "0000:01:00.0" / "information"
    information.parent.mkdir(parents=True)
    information.write_text("Model: \t\t NVIDIA GeForce RTX 3090\nIRQ:   \t\t 151\n")
    card = find_card(tmp_path)
    assert card == Card("NVIDIA GeForce RTX 3090", driver)
    assert card.driver_major == int(driver[:3])


def test_elsewhere_nvidia_smi_says_it(tmp_path, fake_nvidia_smi):
    fake_nvidia_smi("echo 'NVIDIA GeForce RTX 3090, 550.90.07'; echo 'NVIDIA T4, 550.90.07'")
    assert find_card(tmp_path / "no proc") == Card("NVIDIA GeForce RTX 3090", "550.90.07")


@pytest.mark.parametrize(
    "script",
    [
        "echo 'NVIDIA-SMI has failed because it could not talk to the driver, as usual'; exit 9",
        "echo 'No devices were found'",
        "exit 0",
    ],
)
def test_without_a_driver_there_is_no_card(tmp_path, fake_nvidia_smi, script):
    fake_nvidia_smi(script)
    assert find_card(tmp_path / "no proc") is None


def test_a_driver_that_hangs_is_not_waited_for(tmp_path, fake_nvidia_smi):
    fake_nvidia_smi("exec sleep 60")
    start = time.monotonic()
    assert find_card(tmp_path / "no proc") is None
    assert time.monotonic() - start < 10


def test_a_machine_without_one_is_known_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    start = time.monotonic()
    assert find_card(tmp_path / "no proc") is None
    assert time.monotonic() - start < 0.2


def test_it_says_whether_a_recurrent_network_runs():
    network = torch.nn.LSTM(8, 16, num_layers=2, batch_first=True)
    history = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(0))

    def run():
        with torch.autocast("cpu", torch.bfloat16):
            network(history)[0].float().sum().backward()

    if cpu_has_bfloat16():
        run()
    else:
        with pytest.raises(RuntimeError):
            run()


@pytest.mark.parametrize("fails", [False, True])
def test_only_an_error_of_the_library_says_no(monkeypatch, fails):
    def forward(self, steps):
        assert torch.is_autocast_enabled("cpu")
        if fails:
            raise RuntimeError("could not create a primitive descriptor")
        return steps

    monkeypatch.setattr(torch.nn.LSTM, "forward", forward)
    assert cpu_has_bfloat16() == (not fails)
