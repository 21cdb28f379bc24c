"""Ending a program that is asked to end: SIGTERM, as Slurm, Docker and `kill` send it.

A checkpoint is written whole or not at all, so nothing has to be finished first. The exit code says
that the program did not come to its end: without this Lightning ends it with 0.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

EXIT_CODE = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """The program was asked to end."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` in the block at SIGTERM, where nothing else answers to it.

    What answers already stays: the outer of two such blocks, or what runs jobs on a cluster.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, handler())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


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
