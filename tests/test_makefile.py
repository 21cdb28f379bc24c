"""`make install` notices what was installed, and says what it does."""

import shutil
import subprocess
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def dry_make(repository, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Function that shows what make would do in a folder with the pins, nothing installed."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "requirements-cuda13.txt"):
        shutil.copy(repository / name, tmp_path)

    def run(*arguments: str, installed: str | None = None) -> subprocess.CompletedProcess[str]:
        if installed is not None:
            stamp = tmp_path / ".venv" / "installed"
            stamp.parent.mkdir(exist_ok=True)
            stamp.write_text(installed)
        command = ["make", "--dry-run", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    ("arguments", "pins"), [((), "requirements.txt"), (("CUDA=13",), "requirements-cuda13.txt")]
)
def test_a_cuda_has_its_pins(dry_make, arguments, pins):
    done = dry_make("install", *arguments).stdout
    assert f"-r {pins}\n" in done
    assert "about 6 GB, a few minutes (once)" in done
    steps = [line for line in done.splitlines() if " of 4: " in line]
    assert len(steps) == 4
    assert "--quiet --python .venv/bin/python -r" not in done, "the long step shows its progress"


def test_what_is_installed_is_not_installed_again(dry_make):
    for cuda in ("12", "13"):
        for arguments in ((), (f"CUDA={cuda}",)):
            done = dry_make("demo", *arguments, installed=f"CUDA {cuda}\n").stdout
            assert "pip install" not in done
            assert "experiment=demo" in done


@pytest.mark.parametrize("installed", ["CUDA 13\n", "", "CUDA 12\n"])
def test_another_cuda_is_noticed(dry_make, installed):
    wanted = "13" if "12" in installed else "12"
    assert "pip install" in dry_make("demo", f"CUDA={wanted}", installed=installed).stdout


def test_the_environment_does_not_choose(dry_make, monkeypatch):
    """Clusters keep the folder of CUDA under this name."""
    monkeypatch.setenv("CUDA", "/usr/local/cuda")
    assert "-r requirements.txt\n" in dry_make("install").stdout


def test_a_cuda_without_pins_is_refused(dry_make):
    ended = dry_make("install", "CUDA=11")
    assert ended.returncode != 0
    assert "CUDA must be 12 or 13, got 11" in ended.stderr


def test_both_sets_of_pins_are_made(dry_make):
    done = dry_make("requirements", installed="CUDA 12\n").stdout
    for cuda, pins in (("12", "requirements.txt"), ("13", "requirements-cuda13.txt")):
        (line,) = (line for line in done.splitlines() if line.endswith(f"--output-file {pins}"))
        assert "pip compile" in line
        assert f"--extra cuda{cuda} " in line
        assert "--upgrade" in line
