"""Ending a program at SIGTERM, as Slurm, Docker and `kill` send it, or at SIGUSR1.

Slurm can be told to send SIGUSR1 before a job's time is over (`--signal=SIGUSR1@90`). A checkpoint
is written whole or not at all, so nothing has to be finished first. The exit code says that the
program did not come to its end: without this Lightning ends it with 0.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

EXIT_CODE = 128 + signal.SIGTERM
SIGNALS = (signal.SIGTERM, *([signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else []))


class Terminated(SystemExit):
    """A signal ends the program."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` in the block at each of `SIGNALS` that nothing else answers to.

    What answers already stays: the outer of two such blocks, or what runs jobs on a cluster.
    """
    is_main = threading.current_thread() is threading.main_thread()
    unanswered = [each for each in SIGNALS if signal.getsignal(each) is signal.SIG_DFL]
    if not is_main or not unanswered:
        yield
        return
    for each in unanswered:
        signal.signal(each, handler())
    try:
        yield
    finally:
        for each in unanswered:
            signal.signal(each, signal.SIG_DFL)


def handler(first: Callable[[], None] = lambda: None) -> Callable[..., None]:
    """What answers to SIGTERM in this process by raising `Terminated`.

    Args:
        first: Called before.
    """
    process = os.getpid()

    def handle(signum: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            _die()  # a copy made by forking: what it would clean up is not its own
        first()
        raise Terminated

    return handle


def _die() -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(EXIT_CODE)
