"""`vpnet train` and `vpnet predict` hand everything on to Hydra."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "polars", "pandas", "matplotlib", "pytorch_lightning", "scipy", "h5py")


def loaded_by(program: str) -> set[str]:
    """What a program has imported when it ends."""
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint('\\n', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.splitlines()[-1].split())


def test_help_imports_no_library_that_computes():
    loaded = loaded_by("from vpnet.cli.app import app; app(['--help'], standalone_mode=False)")
    assert "typer" in loaded
    assert not loaded & {*HEAVY, "hydra", "omegaconf"}


def test_a_configuration_is_composed_before_such_libraries_are_imported():
    loaded = loaded_by("import vpnet.cli.train, vpnet.cli.predict")
    assert "hydra" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("command", ["train", "predict"])
def test_arguments_are_handed_on(command, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", "from vpnet.cli.app import main; main()", command, "seed=x y=[="],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
    asked = subprocess.run(
        [sys.executable, "-c", "from vpnet.cli.app import main; main()", command, "--cfg", "job"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert ("seed: 0" if command == "train" else "stride_s: null") in asked.stdout
    assert not list(tmp_path.iterdir())
