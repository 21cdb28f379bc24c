"""How commands fail: input in one message, a full disk in one, defects with a traceback."""

import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vpnet.checkpoints.checkpoint_entry import SOURCES
from vpnet.cli.failures import fails_clearly, full_disk_ends, why_not_written
from vpnet.cli.hydra_command import CONFIG_FOLDER
from vpnet.errors import InputError
from vpnet.settings import build


def missing_key() -> None:
    OmegaConf.to_container(OmegaConf.create({"data": {"path": "???"}}), throw_on_missing=True)


def wrong_argument() -> None:
    build(SOURCES, {"name": "center_bias", "depth": 3}, "saliency")


def refused_argument() -> None:
    build(SOURCES, {"name": "center_bias", "height": 0}, "saliency")


def null_group() -> None:
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        compose("train", ["data=null"])


def dangling_reference() -> None:
    config = OmegaConf.create({"trainer": {"patience": "${training.patience}"}})
    OmegaConf.to_container(config, resolve=True)


def unknown_group() -> None:
    raise ConfigCompositionException("Could not find 'model/x'\n")


def misspelt_key() -> None:
    try:
        config = OmegaConf.create({"training": {"max_epochs": 1, "patience": 2}})
        OmegaConf.set_struct(config, True)
        OmegaConf.update(config, "training.max_epoch", 3)
    except OmegaConfBaseException as error:
        raise ConfigCompositionException("Could not override 'training.max_epoch'.") from error


def unreadable_file() -> None:
    open("/no such folder/file").close()


def bad_recording() -> None:
    raise InputError("head.csv, line 3: mend it")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (bad_recording, "head.csv, line 3: mend it"),
        (null_group, "a group takes the name of one of its choices, not null; --help lists"),
        (dangling_reference, "trainer.patience refers to training.patience, which no chosen file"),
        (missing_key, "data.path has no value; give it on the command line, as data.path=VALUE"),
        (wrong_argument, "saliency.depth is no setting"),
        (refused_argument, "saliency.height must be a whole number from 1 to 2160, got 0"),
        (unknown_group, "Could not find 'model/x'\n--help lists the groups and the keys"),
        (
            misspelt_key,
            "Could not override 'training.max_epoch'.\ndid you mean training.max_epochs?\n"
            "training has the keys max_epochs, patience\n",
        ),
        (unreadable_file, "/no such folder/file: No such file or directory; check the path"),
    ],
)
def test_what_the_user_can_mend_is_one_message(command, message, capsys):
    with pytest.raises(SystemExit) as ended:
        fails_clearly(command)()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert "HYDRA_FULL_ERROR" not in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("error", [AssertionError("defect"), KeyError("x"), ValueError("defect")])
def test_a_defect_keeps_its_traceback(error):
    def command() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        fails_clearly(command)()


def test_an_interruption_says_so(capsys):
    def command() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        fails_clearly(command)()
    assert ended.value.code == 130
    assert "interrupted; what was finished is kept" in capsys.readouterr().err


def test_an_interruption_of_lightning_says_so_once(capsys):
    """Its loops turn it into an exit with code 1; the command is guarded twice."""

    class Loop(pl.LightningModule):
        def training_step(self, batch, batch_idx):
            raise KeyboardInterrupt

        def configure_optimizers(self):
            return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)

    def command() -> None:
        trainer = pl.Trainer(
            max_epochs=1, logger=False, enable_checkpointing=False, accelerator="cpu"
        )
        trainer.fit(Loop(), torch.utils.data.DataLoader([0, 1]))

    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            fails_clearly(fails_clearly(command))()
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning ignores it from then on
    assert ended.value.code == 130
    assert capsys.readouterr().err.count("interrupted; what was finished is kept") == 1


def test_an_exit_is_handed_on():
    with pytest.raises(SystemExit) as ended:
        fails_clearly(lambda: sys.exit(1))()
    assert ended.value.code == 1


def test_what_ends_well_is_handed_on():
    @fails_clearly
    def add(first: int, second: int = 0) -> int:
        """Add two numbers."""
        return first + second

    assert add(2, second=3) == 5
    assert add.__doc__ == "Add two numbers."


WRITE = """
import sys, torch
from vpnet.cli.failures import fails_clearly

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
