import signal
import sys

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vpnet.checkpoints.all_sources import SOURCES
from vpnet.cli.config_folder import CONFIG_FOLDER
from vpnet.cli.entry_point import fails_clearly
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
