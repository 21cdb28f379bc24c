"""One process: alone in its run folder, and ended by signals.

Slurm, Docker and `kill` send SIGTERM; Slurm can send SIGUSR1 before a job's time is over
(`--signal=SIGUSR1@90`). A checkpoint is written whole or not at all, so nothing has to be finished
first. The exit code says that the program was interrupted; Lightning by itself would end with 0.
"""

import errno
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from vpnet.errors import InputError

logger = logging.getLogger(__name__)

EXIT_CODE = 128 + signal.SIGTERM
SIGNALS = (signal.SIGTERM, *([signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else []))

LOCK_FILE = ".lock"
"""In the run folder."""

PATIENCE_S = 7.0
"""How long to wait for a lock: processes that load windows outlive a killed training."""

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
"""Variables that number the processes of one training; the first that is set counts."""

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def only_one_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder that exists, those of other machines too.

    The lock ends with its process, however that ends. In a training of several processes the first
    holds the lock for all.

    Raises:
        InputError: Another process works in it, and does not end within `PATIENCE_S`.
    """
    if not is_first_process():
        yield
        return
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout as error:
        raise InputError(
            f"{folder}: another process trains or evaluates in this run folder; wait for its end, "
            "or name another folder (hydra.run.dir=..., hydra.sweep.dir=... for a sweep)"
        ) from error
    except (OSError, NotImplementedError) as error:
        number = error.errno if isinstance(error, OSError) else errno.ENOSYS
        if number not in (*_WITHOUT_LOCKS, *_READ_ONLY):
            raise
        # In a folder that cannot be written to, the first attempt to write says so.
        if number in _WITHOUT_LOCKS:
            logger.warning("%s: this file system has no locks; start no second run here", folder)
        yield
        return
    try:
        yield
    finally:
        # The file stays: a process that waits for it would hold the lock of a file without a name.
        lock.release()


def is_first_process() -> bool:
    """Whether this is the first, or the only, process of a training."""
    numbers = (os.environ.get(name) for name in RANKS)
    return next((number for number in numbers if number), "0") == "0"


class Terminated(SystemExit):
    """A signal ends the program."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


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
            os._exit(EXIT_CODE)
        first()
        raise Terminated

    return handle
