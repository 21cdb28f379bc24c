"""The folder of a written simulated study: it never lies among files that are someone's own."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vpnet.errors import InputError
from vpnet.simulation.saliency_files import saliency_files
from vpnet.simulation.videos import SimulatedVideo

MARKER = "SIMULATED.txt"
"""File that says that a folder holds simulated data."""


def prepare_folder(root: Path, tables: Iterable[Path], videos: Sequence[SimulatedVideo]) -> None:
    """Make the folder of a study, or empty the folder of an earlier one.

    Args:
        root: The folder.
        tables: Files of recordings and questionnaires that may be written into it.
        videos: Videos whose saliency may be.

    Raises:
        InputError: The folder holds something else, or cannot be made.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: a simulated study needs a folder, found a file; name another")
    found = {path for path in root.rglob("*") if path.is_file()}
    if found and root / MARKER not in found:
        raise InputError(
            f"{root}: a simulated study is written into an empty folder, found "
            f"{min(found).relative_to(root)} and no {MARKER}; name another folder"
        )
    foreign = found - {root / MARKER, *tables, *saliency_files(root, videos)}
    if foreign:
        raise InputError(
            f"{root}: the folder holds a simulated study with files that this one would leave "
            f"behind, such as {min(foreign).relative_to(root)}; delete the folder or name another"
        )
    # Whatever a defect leaves out must not be there from before.
    for file in found - {root / MARKER}:
        file.unlink()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{root}: the folder cannot be made ({error.strerror}); name another"
        ) from error
