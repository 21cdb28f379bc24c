"""nvidia-smi is an outside program: here a script of the same name says what it would."""

import time

import pytest

from vpnet.runtime.nvidia_card import Card, find_card

CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n"


@pytest.fixture(autouse=True)
def _forget_cards():
    find_card.cache_clear()
    yield
    find_card.cache_clear()


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
