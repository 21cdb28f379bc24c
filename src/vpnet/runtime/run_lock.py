"""A run folder belongs to one process at a time."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vpnet.errors import InputError

logger = logging.getLogger(__name__)

LOCK_FILE = ".lock"
"""In the run folder."""

LOCK_WAIT_S = 7.0
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
        InputError: Another process works in it, and does not end within `LOCK_WAIT_S`.
    """
    if not is_first_process():
        yield
        return
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=LOCK_WAIT_S)
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
