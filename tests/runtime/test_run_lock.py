import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from vpnet.errors import InputError
from vpnet.runtime import run_lock
from vpnet.runtime.run_lock import LOCK_FILE, is_first_process, only_one_in

HOLDER = """
import multiprocessing, pathlib, sys, time
from vpnet.runtime.run_lock import only_one_in
with only_one_in(pathlib.Path(sys.argv[1])):
    if sys.argv[2] == "child":
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    """Function that starts a process which holds the lock of the folder; all are killed after."""
    processes = []

    def start(child: str = "none") -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path), child],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def impatient(monkeypatch):
    """A folder that is in use is refused soon."""
    monkeypatch.setattr(run_lock, "LOCK_WAIT_S", 0.3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("child", ["none", "child"])
def test_one_process_at_a_time_and_a_dead_one_holds_nothing(tmp_path, hold, child):
    process = hold(child)
    message = "another process trains or evaluates in this run folder"
    with pytest.raises(InputError, match=message), only_one_in(tmp_path):
        pytest.fail("two at once")
    assert process.poll() is None
    process.kill()
    process.wait()
    with only_one_in(tmp_path):
        assert (tmp_path / LOCK_FILE).is_file()
    assert [file.name for file in tmp_path.iterdir()] == [LOCK_FILE]


def test_it_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), only_one_in(tmp_path):
        raise KeyError
    with only_one_in(tmp_path):
        pass


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("rank", ["LOCAL_RANK", "SLURM_PROCID"])
def test_other_processes_of_the_same_training_are_let_in(tmp_path, monkeypatch, hold, rank):
    hold()
    monkeypatch.setenv(rank, "1")
    assert not is_first_process()
    with only_one_in(tmp_path):
        pass
    monkeypatch.setenv(rank, "0")
    with pytest.raises(InputError), only_one_in(tmp_path):
        pass


def test_what_a_killed_training_leaves_running_is_waited_for(tmp_path, hold):
    """Processes that load windows notice within seconds that it is gone."""
    process = hold()
    killing = threading.Timer(1.0, process.kill)
    killing.start()
    with only_one_in(tmp_path):
        assert process.poll() is not None or not killing.is_alive()
