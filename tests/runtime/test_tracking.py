"""W&B's server is a real socket here: one that answers, one that never does, one that refuses."""

import http.server
import json
import os
import socket
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import pytest
import wandb
from pytorch_lightning.loggers import CSVLogger, WandbLogger

from vpnet.errors import InputError
from vpnet.runtime import tracking
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
KEY = "0123456789" * 4
EXPECTED = {"test/error_0.2s_deg": 3.5, "test/error_5s_deg": 40.0, "test/error_0.2-1s_deg": 9.0}


@pytest.fixture
def _logged_out(monkeypatch, tmp_path):
    """No credentials of W&B: none in the environment, and another home without any.

    W&B keeps the credentials and the address that it has found, until it is torn down.
    """
    wandb.teardown()
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    yield
    wandb.teardown()


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
def test_head_paths_are_uploaded_only_on_request(
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


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers every request with a status, `status` of the server."""

    def do_GET(self):
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def address(request):
    """Address of a server that does as the parameter says."""
    if request.param == "refuses":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    elif request.param == "silent":
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    elif request.param == "unknown":
        yield "https://wandb.invalid"
    else:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        server.status = request.param
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (200, True),
        (404, True),
        (302, True),
        (502, False),
        (407, False),
        ("refuses", False),
        ("silent", False),
        ("unknown", False),
    ],
    indirect=["address"],
)
def test_any_answer_counts_but_that_of_a_proxy(address, expected, monkeypatch):
    monkeypatch.setattr(tracking, "WAIT_S", 1.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    start = time.monotonic()
    assert tracking._answers(address) == expected
    assert time.monotonic() - start < 10


@pytest.mark.usefixtures("_logged_out")
@pytest.mark.parametrize(
    ("address", "where", "expected"),
    [
        ("silent", "environment", "offline"),
        ("refuses", "environment", "offline"),
        (404, "environment", "online"),
        (404, "netrc", "online"),
    ],
    indirect=["address"],
)
def test_with_a_key_wandb_is_online_only_where_its_server_answers(
    address, where, expected, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(tracking, "WAIT_S", 0.5)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("WANDB_BASE_URL", address)
    if where == "environment":
        monkeypatch.setenv("WANDB_API_KEY", KEY)
    else:
        host = address.removeprefix("http://")
        (tmp_path / "netrc").write_text(f"machine {host} login user password {KEY}\n")
    start = time.monotonic()
    assert wandb_mode() == expected
    assert time.monotonic() - start < 6
    warned = f"W&B: {address} does not answer; this run is logged offline"
    assert caplog.text.count(warned) == (expected == "offline")


def test_a_silent_server_costs_ten_seconds_at_most():
    """What the test above measures with a shorter time to wait."""
    assert 6 - 0.5 + tracking.WAIT_S < 10
