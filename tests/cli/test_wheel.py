"""The wheel holds all that `vpnet` needs, and works where there is no clone."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory) -> Path:
    """The wheel of this code, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=repository, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture
def run_installed(wheel, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Function that runs a program of an environment that has the wheel, far from the clone.

    The packages that vpnet needs are those of this environment, without its own vpnet.
    """
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # Behind its own: a folder of a .pth file is appended, and the .pth files in it are not read.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        program, *rest = map(str, arguments)
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [environment / "bin" / program, *rest],
            cwd=folder,
            env=outside,
            capture_output=True,
            text=True,
        )

    return run


def test_the_wheel_holds_the_code_and_every_configuration(wheel, repository):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    conf, source = repository / "conf", repository / "src"
    configurations = {
        f"vpnet/conf/{file.relative_to(conf)}"
        for file in conf.rglob("*.yaml")
        if file.relative_to(conf).parts[0] != "local"
    }
    code = {str(file.relative_to(source)) for file in source.rglob("*.py")}
    assert names >= configurations | code
    others = {name for name in names if not name.startswith(("vpnet/", "vpnet-"))}
    assert not others, "nothing but the package is installed"
    assert not [name for name in names if "/conf/local" in name], "studies of the user's own stay"


@pytest.mark.slow
def test_an_installed_wheel_trains_and_predicts(run_installed, simulated_study, tmp_path):
    where = run_installed("python", "-c", "import vpnet; print(vpnet.__file__)").stdout
    assert where.startswith(str(tmp_path / "environment"))
    tiny = ("data.users=5", "data.videos=5", "data.duration_s=16", "bootstrap_draws=50")
    demo = ("experiment=demo", "trainer=smoke", "logger=csv", *tiny)
    trained = run_installed("vpnet", "train", *demo)
    assert trained.returncode == 0, trained.stderr
    run = tmp_path / "work" / "runs" / "demo"
    assert f"run folder: {run}" in trained.stdout
    recording = simulated_study / "S01" / "simulated_01"
    checkpoint = run / "checkpoints" / "best.ckpt"
    predicted = run_installed(
        "vpnet", "predict", f"checkpoint={checkpoint}", f"recording={recording}", "output=out.csv"
    )
    assert predicted.returncode == 0, predicted.stderr
    assert len(pl.read_csv(tmp_path / "work" / "out.csv")) > 0
    swept = run_installed("vpnet", "train", "-m", "model=static", "seed=1,2", *demo[1:])
    assert swept.returncode == 0, swept.stderr
    assert "static, 2 seeds" in swept.stdout
    (command,) = (line for line in swept.stdout.splitlines() if line.startswith("this table again"))
    again = run_installed(*command.partition(": ")[2].split())
    assert again.returncode == 0, again.stderr
    assert "static, 2 seeds" in again.stdout
