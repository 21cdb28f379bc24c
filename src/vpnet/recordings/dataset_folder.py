"""Files of a public data set, in the folders in which its authors hand it out."""

from collections.abc import Iterable
from pathlib import Path

from rich.progress import track

from vpnet.errors import InputError

PROGRESS_FROM = 20
"""A data set of more files than this shows a progress bar."""


def dataset_files(root: str | Path, folder: str, pattern: str) -> Iterable[Path]:
    """Files of a data set in the order of their names, with a progress bar where they are many.

    Args:
        root: The folder into which the data set was unpacked, or ``folder`` itself.
        folder: Where in it the files lie, for example ``H/Scanpaths``.
        pattern: Which files in ``folder``, for example ``*.csv``.

    Raises:
        InputError: There is no such file.
    """
    root = Path(root)
    inner = root / folder
    files = sorted((inner if inner.is_dir() else root).glob(pattern))
    if not files:
        found = "no such folder" if not root.is_dir() else "none was found"
        raise InputError(
            f"{root}: the data set must hold files {folder}/{pattern}, {found}; set root to the "
            "folder into which you unpacked the data set"
        )
    return track(files, description="Reading recordings", disable=len(files) <= PROGRESS_FROM)
