import json
import os

import matplotlib.pyplot as plt
import polars as pl
import pytest
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from vpnet.training.tracking import log_config, log_results, log_table, make_loggers, wandb_mode

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
    loggers = make_loggers(tmp_path / "run", wandb=True, group="g")
    log_config(loggers, {"seed": 1})
    assert [type(logger) for logger in loggers] == [CSVLogger, WandbLogger]
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
