"""What SIGTERM and SIGUSR1 do: they end the program with exit code 143.

Slurm, Docker and `kill` send SIGTERM; Slurm can send SIGUSR1 before a job's time is over
(`--signal=SIGUSR1@90`). A checkpoint is written whole or not at all, so nothing has to be finished
first. The exit code says that the program was interrupted; Lightning by itself would end with 0.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED_CODE = 128 + signal.SIGTERM
"""143, as of a program that SIGTERM kills."""

SIGNALS = (signal.SIGTERM, *([signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else []))


class Terminated(SystemExit):
    """A signal ends the program."""

    def __init__(self) -> None:
        super().__init__(TERMINATED_CODE)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` in the block at each of `SIGNALS` that has no handler yet.

    An existing handler stays: that of an outer block, or of a library that runs jobs on a cluster.
    """
    is_main = threading.current_thread() is threading.main_thread()
    unhandled = [each for each in SIGNALS if signal.getsignal(each) is signal.SIG_DFL]
    if not is_main or not unhandled:
        yield
        return
    for each in unhandled:
        signal.signal(each, handler())
    try:
        yield
    finally:
        for each in unhandled:
            signal.signal(each, signal.SIG_DFL)


def handler(first: Callable[[], None] = lambda: None) -> Callable[..., None]:
    """A handler that raises `Terminated` in this process, after a call of ``first``."""
    process = os.getpid()

    def handle(signum: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            # A forked copy: what it would clean up is not its own.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(TERMINATED_CODE)
        first()
        raise Terminated

    return handle
