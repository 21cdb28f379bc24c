import os
import signal
import subprocess
import sys

import pytest

from vpnet.runtime.termination import TERMINATED_CODE, Terminated, terminable

BLOCK = """
import os, signal, sys, time
from vpnet.runtime.termination import terminable
with terminable():
    if sys.argv[1] == "fork" and os.fork() == 0:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    if sys.argv[1] == "fork":
        print(os.wait()[1], flush=True)
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)
"""


@pytest.mark.parametrize("each", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_raised_within_the_block_alone(each):
    before = signal.getsignal(each)
    with pytest.raises(Terminated) as ended, terminable():
        os.kill(os.getpid(), each)
    assert ended.value.code == TERMINATED_CODE == 143
    assert signal.getsignal(each) is before


def test_what_answers_already_stays():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("cluster"))
    try:
        with terminable():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["cluster"]


@pytest.mark.parametrize("how", ["plain", "fork"])
def test_the_program_cleans_up_and_ends_with_143(how):
    program = subprocess.Popen(
        [sys.executable, "-c", BLOCK, how], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    if how == "fork":
        # Killed by the signal itself, without the parent's cleaning up.
        assert program.stdout.readline() == f"{signal.SIGTERM.value}\n"
    assert program.stdout.readline() == "ready\n"
    program.terminate()
    out, _ = program.communicate(timeout=30)
    assert program.returncode == 143
    assert out == "cleaned up\n"
