"""Code of the user's own in a configuration: a reader, split, source or model by import path.

Only commands resolve import paths, and only those that the user wrote into a configuration; what a
checkpoint holds is never imported (`vpnet.checkpoints.checkpoint`).
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from vpnet.checkpoints.withheld_settings import OWN_CODE
from vpnet.errors import InputError
from vpnet.settings import NAME

Built = TypeVar("Built")


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
