import errno
import os
import shutil
import subprocess
import sys

import pytest
import torch

from vpnet.cli.full_disk import full_disk_ends, why_not_written

WRITE = """
import sys, torch
from vpnet.cli.entry_point import fails_clearly

@fails_clearly
def main():
    {statement}

main()
"""
STATEMENTS = {
    "text": "open('file', 'w').write('x' * 3_000_000)",
    "torch": "torch.save(torch.zeros(3_000_000), 'file')",
    "parquet": "import polars; polars.DataFrame({'x': torch.rand(900_000).numpy()})"
    ".write_parquet('file')",
}


@pytest.mark.parametrize(
    "library",
    ["torch", *(pytest.param(name, marks=pytest.mark.slow) for name in ("text", "parquet"))],
)
def test_a_limit_on_files_ends_with_one_message(tmp_path, library):
    """As a full disk, which a test must not make: files may have 1 MB (ulimit -f)."""
    program = tmp_path / "program.py"
    program.write_text(WRITE.format(statement=STATEMENTS[library]))
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)); "
    limited += "import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", limited, program], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {tmp_path}: ")
    assert ended.stderr.count("\n") == 1
    assert "could not be written" in ended.stderr
    assert "make room, then give the same command again" in ended.stderr


def test_a_disk_that_is_full_is_called_so():
    with (
        open("/dev/full", "wb", buffering=0) as full,
        pytest.raises(OSError, match="No space") as refused,
    ):
        full.write(b"x")
    assert why_not_written(refused.value) == "a file could not be written, the disk is full"
    with pytest.raises(RuntimeError) as torn:
        torch.save(torch.zeros(9), "/dev/full")
    assert "disk is" in (why_not_written(torn.value) or "")


def test_what_it_was_raised_from_counts():
    error = RuntimeError("[enforce fail] PytorchStreamWriter failed")
    error.__context__ = OSError(errno.EDQUOT, "Disk quota exceeded")
    assert why_not_written(error) == "a file could not be written, the disk is full"


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EACCES, "Permission denied"), KeyError("x"), RuntimeError("shapes differ")],
)
def test_other_errors_are_handed_on(error):
    assert why_not_written(error) is None
    with pytest.raises(type(error)), full_disk_ends():
        raise error


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system of its own")
def test_training_on_a_full_disk_keeps_the_epoch_before(tmp_path, repository):
    """On a file system of 8 MB within a user's own name space, where such may be made."""
    unshare = shutil.which("unshare")
    disk, run = tmp_path / "disk", tmp_path / "disk" / "run"
    disk.mkdir()
    settings = "model=lstm model.hidden=150 trainer=smoke logger=csv data.users=5 data.videos=5"
    settings += " data.duration_s=16 trainer.max_epochs=3 training.max_epochs=3"
    command = f"mount -t tmpfs -o size=5m none {disk} || exit 99; {sys.executable} "
    command += f"{repository / 'train.py'} {settings} hydra.run.dir={run}; code=$?; "
    command += f"cp -r {run} {tmp_path / 'left'}; exit $code"
    if unshare is None:
        pytest.skip("no unshare")
    ended = subprocess.run(
        [unshare, "--map-root-user", "--mount", "sh", "-c", command],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if ended.returncode in (1, 99) and "error: " not in ended.stderr:
        pytest.skip(f"no file system can be made here: {ended.stderr}")
    assert ended.returncode == 1, ended.stderr
    assert f"error: {run}: " in ended.stderr
    assert "the disk is" in ended.stderr
    assert "Traceback" not in ended.stderr
