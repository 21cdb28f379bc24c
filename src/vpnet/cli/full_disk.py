"""A disk that is full, whichever library could not write."""

import errno
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = ("No space left on device", "Disk quota exceeded")
"""Of libraries whose errors have no number."""

TOO_LARGE = "File too large"
TORCH_WORDS = ("PytorchStreamWriter failed", "unexpected pos", "iostream error")
"""Of torch, which does not say why it could not write a checkpoint."""


@contextmanager
def full_disk_ends() -> Iterator[None]:
    """Let a full disk end the program with one message and exit code 1, a sweep as well."""
    try:
        yield
    except Exception as error:
        reason = why_not_written(error)
        if reason is None:
            raise
        # Here, so that commands without a configuration do not wait for Hydra.
        from hydra.core.hydra_config import HydraConfig

        initialized = HydraConfig.initialized()
        folder = Path(HydraConfig.get().runtime.output_dir) if initialized else Path.cwd()
        free_mb = shutil.disk_usage(folder).free / 1e6 if folder.is_dir() else 0.0
        print(
            f"error: {folder}: {reason} ({free_mb:.0f} MB are free there now); what was finished "
            "is kept; make room, then give the same command again to resume",
            file=sys.stderr,
        )
        sys.exit(1)


def why_not_written(error: BaseException) -> str | None:
    """Which limit of the disk an error comes from, in words; None where it is another error.

    Args:
        error: What it was raised from, or while handling what, counts as well.
    """
    seen: BaseException | None = error
    reason = None
    while seen is not None:
        number, text = getattr(seen, "errno", None), str(seen)
        if number in FULL or any(word in text for word in FULL_WORDS):
            return "a file could not be written, the disk is full"
        if number == errno.EFBIG or TOO_LARGE in text:
            return "a file could not be written, it is larger than the system lets it be (ulimit)"
        if isinstance(seen, RuntimeError) and any(word in text for word in TORCH_WORDS):
            reason = "a checkpoint could not be written, the disk is probably full"
        seen = seen.__cause__ or seen.__context__
    return reason
