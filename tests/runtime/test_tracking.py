import json
import os
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import pytest
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from vpnet.errors import InputError
from vpnet.runtime.tracking import (
    WandbRun,
    log_config,
    log_results,
    log_table,
    make_loggers,
    wandb_mode,
)
from vpnet.saliency.crowd import Crowd

SUMMARY = {
    "horizons": [
        {"horizon_s": 0.2, "error_deg": {"mean_over_users": 3.5}},
        {"horizon_s": 5.0, "error_deg": {"mean_over_users": 40.0}},
    ],
    "ranges": {
        "0.2-1s": {"error_deg": {"mean_over_users": 9.0}},
        "2-5s": {"error_deg": {"mean_over_users": None}},
    },
}
EXPECTED = {"test/error_0.2s_deg": 3.5, "test/error_5s_deg": 40.0, "test/error_0.2-1s_deg": 9.0}


@pytest.fixture
def _logged_out(monkeypatch, tmp_path):
    """No credentials of W&B: none in the environment, and another home without any."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))


@pytest.mark.usefixtures("_logged_out")
def test_without_credentials_wandb_is_offline():
    assert wandb_mode() == "offline"


@pytest.mark.usefixtures("_logged_out")
@pytest.mark.parametrize("mode", ["online", "offline", "disabled"])
def test_wandb_does_as_its_variable_says(monkeypatch, mode):
    monkeypatch.setenv("WANDB_MODE", mode)
    assert wandb_mode() == mode


def test_metrics_always_go_to_a_csv_file(tmp_path):
    loggers = make_loggers(tmp_path, wandb=False)
    assert [type(logger) for logger in loggers] == [CSVLogger]
    log_config(loggers, {"seed": 1})
    log_results(loggers, SUMMARY, {}, None)
    logged = pl.read_csv(tmp_path / "csv" / "metrics.csv")
    found = {name: logged[name].drop_nulls().to_list() for name in EXPECTED}
    assert found == {name: [value] for name, value in EXPECTED.items()}
    assert "test/error_2-5s_deg" not in logged.columns, "what is not known is not logged"


@pytest.mark.slow
@pytest.mark.usefixtures("_logged_out")
def test_a_run_offline_leaves_its_results_and_ends(tmp_path):
    picture, checkpoint = tmp_path / "picture.png", tmp_path / "best.ckpt"
    plt.figure().savefig(picture)
    checkpoint.write_bytes(b"weights")
    loggers = make_loggers(tmp_path / "run", wandb=True, group="g", upload_checkpoint=True)
    log_config(loggers, {"seed": 1})
    assert [type(logger) for logger in loggers] == [CSVLogger, WandbRun]
    log_results(loggers, SUMMARY, {"overview": picture}, checkpoint)
    tracker = loggers[1]
    assert isinstance(tracker, WandbLogger)
    run = tracker.experiment
    assert (run.name, run.group, run.config["seed"]) == ("run", "g", 1)
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert list(folder.glob("run-*.wandb"))
    assert list(folder.glob("files/media/images/overview*.png"))


def test_a_table_goes_nowhere_without_wandb(tmp_path):
    log_table(tmp_path / "sweep", [{"row": "full"}], wandb=False)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("_logged_out")
def test_a_table_is_a_run_of_its_own(tmp_path):
    records = [{"row": "full", "error_deg": 4.5}, {"row": "less", "error_deg": None}]
    log_table(tmp_path / "sweep", records, wandb=True, group="sweep", name="table of all")
    (folder,) = (tmp_path / "sweep" / "wandb").glob("offline-run-*")
    (table,) = folder.glob("files/media/table/*.table.json")
    assert json.loads(table.read_text())["columns"] == ["row", "error_deg"]
    assert json.loads(table.read_text())["data"] == [["full", 4.5], ["less", None]]
    (log,) = folder.glob("run-*.wandb")
    assert b"table of all" in log.read_bytes()


@pytest.fixture
def save(make_module, data, quiet_trainer, change, tmp_path):
    """Function that saves a checkpoint, with or without the paths of a crowd in it."""

    def write(*, crowd: bool) -> Path:
        trainer = quiet_trainer()
        trainer.validate(make_module(), datamodule=data, verbose=False)
        path = tmp_path / "best.ckpt"
        trainer.save_checkpoint(path, weights_only=True)
        if crowd:

            def add(content) -> None:
                content["vpnet"]["spec"]["has_crowd"] = True
                content["vpnet"]["crowd_state"] = Crowd().state()

            change(path, add)
        return path

    return write


UPLOADS = [
    ("auto", False, True),
    ("auto", True, False),
    (True, True, True),
    (False, False, False),
]


@pytest.mark.slow
@pytest.mark.usefixtures("_logged_out")
@pytest.mark.parametrize(("upload", "crowd", "expected"), UPLOADS)
@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_head_paths_go_up_only_when_somebody_says_so(
    monkeypatch, caplog, save, tmp_path, mode, upload, crowd, expected
):
    monkeypatch.setenv("WANDB_MODE", mode)
    checkpoint = save(crowd=crowd)
    loggers = make_loggers(tmp_path / "run", wandb=True, upload_checkpoint=upload)
    log_results(loggers, SUMMARY, {}, checkpoint)
    said = [record.getMessage() for record in caplog.records if "W&B" in record.getMessage()]
    if mode == "disabled":
        assert not said
        return
    (log,) = (tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb")
    assert (b"best.ckpt" in log.read_bytes()) == expected
    if upload == "auto" and crowd:
        (line,) = said
        assert line.startswith("W&B: best.ckpt holds the head paths of the training viewers and is")
        assert "logger.upload_checkpoint=true" in line
    else:
        assert not said


@pytest.mark.parametrize("value", ["yes", "always", 1, None])
def test_another_word_is_refused(tmp_path, value):
    message = "upload_checkpoint must be true or false, or auto, got"
    with pytest.raises(InputError, match=message):
        make_loggers(tmp_path, wandb=False, upload_checkpoint=value)
