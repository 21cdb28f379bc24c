import os
import subprocess
import sys

import pytest

from vpnet.video.torch_companions import (
    companion_complaints,
    torchcodec_complaint,
    torchvision_complaint,
)


@pytest.mark.parametrize(
    ("torch", "torchcodec"),
    [
        ("2.10.0+cu128", "0.10.0"),
        ("2.10.1", "0.10.0"),
        ("2.9.1", "0.8.1"),
        ("2.7.0", "0.4.0"),
        ("2.14.1", "0.17.0"),
        ("2.15.0+cu130", "0.17.0"),
        ("2.10.0", "0.0.3"),
    ],
)
def test_those_that_belong_together(torch, torchcodec):
    assert torchcodec_complaint(torch, torchcodec) is None


@pytest.mark.parametrize(
    ("torch", "torchcodec", "command"),
    [
        ("2.10.0+cu128", "0.17.0", "pip install 'torchcodec==0.10.*'"),
        ("2.8.0", "0.10.0", "pip install 'torchcodec==0.7.*'"),
        ("2.15.0+cu130", "0.10.0", "pip install --upgrade torchcodec"),
    ],
)
def test_those_that_do_not_are_named_with_the_command(torch, torchcodec, command):
    complaint = torchcodec_complaint(torch, torchcodec)
    assert complaint is not None
    assert complaint.startswith(f"torchcodec {torchcodec} does not belong to torch {torch}")
    assert command in complaint
    assert "\n" not in complaint


def test_torchvision_says_itself_which_torch_it_needs():
    required = ["numpy", "torch (==2.10.0)", "gdown>=4.7.3; extra == 'gdown'"]
    assert torchvision_complaint("2.10.0+cu128", "0.25.0", required) is None
    complaint = torchvision_complaint("2.15.0", "0.25.0", required)
    assert complaint is not None
    assert "torchvision 0.25.0 does not belong to torch 2.15.0, it needs torch==2.10.0" in complaint


def test_the_packages_installed_here_belong_together():
    assert companion_complaints() == ()


def test_a_torchcodec_that_does_not_load_costs_one_line(make_video, tmp_path):
    """As that built for another torch: its import ends in an OSError."""
    package = tmp_path / "packages" / "torchcodec"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "raise OSError('Could not load this library: x.so\\nmore')"
    )
    film = make_video(tmp_path / "film.mp4", 4)
    program = (
        "import sys\n"
        "from vpnet.video.decoders import open_video\n"
        "from vpnet.video.video_file import probe_video\n"
        "for _ in range(2):\n"
        "    print(open_video(probe_video(sys.argv[1])).backend)\n"
    )
    path = os.pathsep.join((str(package.parent), os.environ.get("PYTHONPATH", "")))
    ended = subprocess.run(
        [sys.executable, "-c", program, str(film)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(ended.stdout.split()) <= {"decord", "pyav"}
    (line,) = ended.stderr.splitlines()
    assert "torchcodec does not load (Could not load this library: x.so)" in line
