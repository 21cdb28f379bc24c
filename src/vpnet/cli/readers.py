"""The tables of readers that commands choose in: vpnet's own, and one of the user's own."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from vpnet.checkpoints.withheld_settings import OWN_CODE
from vpnet.cli.own_code import with_own_code
from vpnet.errors import InputError
from vpnet.readers.reading import READERS, arguments_for, recognise_layout
from vpnet.recordings.recording import Recording
from vpnet.simulation.study import simulate_recordings
from vpnet.studies.study import Study

FILES: Mapping[str, Callable[..., Iterable[Recording]]] = {
    name: reader.read for name, reader in READERS.items()
}
"""Readers of files."""

DATA: Mapping[str, Callable[..., Iterable[Recording]]] = {
    "simulated": simulate_recordings,
    **FILES,
}
"""What ``data=NAME`` chooses in train.py: recordings made in memory, and readers of files."""


def checked_recordings(found: Any) -> Iterable[Recording]:
    """What a reader has returned, if these are recordings.

    Args:
        found: A study, or what code of the user's own returned.

    Raises:
        InputError: These are no recordings.
    """
    if isinstance(found, Study):
        return found
    listed = list(found) if isinstance(found, Iterable) else [found]
    for one in listed:
        if not isinstance(one, Recording):
            raise InputError(
                "a reader must return a list of vpnet.recordings.recording.Recording, this one "
                f"returned {'' if listed[0] is found else 'one with '}a {type(one).__name__}"
            )
    return listed


def read_with_layout(path: Path, layout: str | None, settings: Mapping[str, Any]) -> Study:
    """The recordings at a path, read as the option ``--layout`` says.

    Args:
        path: Where they are.
        layout: A name in `FILES`, or the import path of a reader of the user's own; None
            recognises the layout.
        settings: Settings of any reader by name; those that this one does not have are passed over.

    Raises:
        InputError: The layout is unknown or is not recognised, or its reader refuses the settings
            or gives no `Study`.
    """
    layout = layout or recognise_layout(path)
    table: Mapping[str, Callable[..., Any]] = FILES
    if "." in layout:
        table, _ = with_own_code(FILES, {OWN_CODE: layout}, "--layout")
    if layout not in table:
        raise InputError(f"--layout must be one of {', '.join(table)}, got {layout!r}")
    read = table[layout]
    study = read(**arguments_for(read, path, settings, ""))
    if not isinstance(study, Study):
        raise InputError(
            f"--layout {layout}: a reader must return a vpnet.studies.study.Study, this one "
            f"returned a {type(study).__name__}"
        )
    return study
