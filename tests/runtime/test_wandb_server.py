"""Against real sockets: one that answers, one that never does, one that refuses."""

import http.server
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

KEY = "0123456789" * 4
PROGRAM = """
import os, time
import wandb  # how long that takes is no matter of the network
from vpnet.runtime.tracking import wandb_mode
start = time.monotonic()
print(wandb_mode(), time.monotonic() - start, flush=True)
os._exit(0)
"""


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
    from vpnet.runtime import wandb_server

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    start = time.monotonic()
    assert wandb_server._answers(address, 1.0) == expected
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("address", "where", "expected"),
    [
        ("silent", "environment", "offline"),
        pytest.param("refuses", "environment", "offline", marks=pytest.mark.slow),
        pytest.param(404, "environment", "online", marks=pytest.mark.slow),
        pytest.param(404, "netrc", "online", marks=pytest.mark.slow),
    ],
    indirect=["address"],
)
def test_with_a_key_wandb_is_online_only_where_its_server_answers(
    address, where, expected, tmp_path
):
    """In a process of its own: W&B keeps the credentials and the address that it has found."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    environment |= {"WANDB_BASE_URL": address, "WANDB_CONFIG_DIR": str(tmp_path)}
    environment |= {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    environment |= {"WANDB_ERROR_REPORTING": "false", "no_proxy": "127.0.0.1"}
    if where == "environment":
        environment["WANDB_API_KEY"] = KEY
    else:
        host = address.removeprefix("http://")
        (tmp_path / "netrc").write_text(f"machine {host} login user password {KEY}\n")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    mode, seconds = ended.stdout.split()
    assert mode == expected
    assert float(seconds) < 10
    warned = f"W&B: {address} does not answer; this run is logged offline"
    assert ended.stderr.count(warned) == (expected == "offline")
    assert "Traceback" not in ended.stderr
