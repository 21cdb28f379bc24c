"""Files that are written whole or not at all: an interruption never leaves half of one."""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A temporary path in the folder of ``path``, which replaces it when the block ends well.

    The new file is on the disk before it replaces an earlier one: where the disk is full, or the
    machine stops, the earlier file stays whole.

    Args:
        path: File to write; its folder is made where it is missing.

    Yields:
        Where to write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Delete the temporary files of `whole_file` that a killed program left in a folder.

    No other program may write in the folder now; it may be missing.
    """
    for file in folder.glob(".*"):
        if _TEMPORARY.fullmatch(file.name):
            file.unlink(missing_ok=True)


def _flush(file: Path) -> None:
    """Wait until a file has reached the disk."""
    with file.open("r+b") as written:
        os.fsync(written.fileno())


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
