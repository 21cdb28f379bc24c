"""What configurations choose by name: vpnet's readers, and code of the user's own by import path.

Only commands resolve import paths, and only those that the user wrote into a configuration; what a
checkpoint holds is never imported (`vpnet.checkpoints.checkpoint`).
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from vpnet.errors import InputError
from vpnet.quality.checking import with_checks
from vpnet.readers.reading import READERS, arguments_for, recognise_layout
from vpnet.recordings.recording import Recording
from vpnet.settings import NAME, OWN_CODE
from vpnet.simulation.simulated_study import simulate_recordings
from vpnet.studies.study import Study

Built = TypeVar("Built")

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
    """What a reader has returned: a study, or whatever code of the user's own returns.

    Raises:
        InputError: These are no recordings.
    """
    if isinstance(found, Study):
        return with_checks(found)
    listed = list(found) if isinstance(found, Iterable) else [found]
    for one in listed:
        if not isinstance(one, Recording):
            raise InputError(
                "a reader must return a list of vpnet.recordings.recording.Recording, this one "
                f"returned {'' if listed[0] is found else 'one with '}a {type(one).__name__}"
            )
    return listed


def with_own_code(
    table: Mapping[str, Callable[..., Built]], values: Any, key: str
) -> tuple[Mapping[str, Callable[..., Built]], Any]:
    """A table with one more entry where a mapping names code of the user's own.

    Args:
        table: vpnet's own builders by name.
        values: A mapping of a configuration; with ``_target_: package.module.function`` in place
            of ``name``, that function or class is imported.
        key: Where the mapping comes from, for messages.

    Returns:
        The table, and the mapping with a name in it.

    Raises:
        InputError: The import path leads nowhere or to what cannot be called, or there is a name
            as well.
    """
    if not isinstance(values, Mapping) or OWN_CODE not in values:
        return table, values
    path = values[OWN_CODE]
    if NAME in values:
        raise InputError(
            f"{key} has both {NAME} and {OWN_CODE}; put {OWN_CODE} and its settings into a file of "
            f"their own, such as conf/local/{key}/mine.yaml, and choose it by {key}=mine"
        )
    named = {NAME: path, **{name: values[name] for name in values if name != OWN_CODE}}
    return {**table, path: _imported(path, f"{key}.{OWN_CODE}")}, named


def _imported(path: Any, key: str) -> Callable[..., Any]:
    rule = "must be the import path of a function or class, such as mypackage.readers.read_mine"
    if not isinstance(path, str) or "." not in path:
        raise InputError(f"{key} {rule}, got {path!r}")
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{key}={path}: cannot be imported ({error}); {key} {rule}") from error
    if not callable(found):
        raise InputError(f"{key} {rule}, {path} is a {type(found).__name__}")
    return found


def read_with_layout(path: Path, layout: str | None, settings: Mapping[str, Any]) -> Study:
    """The recordings at a path, read as the option ``--layout`` says, and checked.

    Args:
        path: Where they are.
        layout: A name in `FILES`, or the import path of a reader of the user's own; None
            recognises the layout.
        settings: Of any reader by name; those that this one does not have are passed over.

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
    return with_checks(study)
