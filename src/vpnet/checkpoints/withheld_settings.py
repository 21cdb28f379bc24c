"""Settings that a checkpoint does not hold: paths of a machine, and ids of viewers.

A path often holds the name of a person, and ``split.user`` is the id of one. A checkpoint names the
settings that it withholds. A training that resumes finds them in the ``config.yaml`` of the
checkpoint's run folder, or the user gives them. A file that holds such a setting is refused: its
author would choose what is read and written on this machine.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import yaml

from vpnet.allowed_values import options_of
from vpnet.errors import InputError
from vpnet.settings import NAME, settings_of

OWN_CODE = "_target_"
"""In a configuration: the import path of code of the user's own."""

OF_PEOPLE = {"split.user"}
"""Settings whose values are ids of viewers."""

OF_A_MACHINE = {"data.cache"}
"""Settings whose paths do not change the data: another machine uses its default."""


def withhold(
    group: str, values: Mapping[str, Any] | None, table: Mapping[str, Callable[..., Any]]
) -> tuple[dict[str, Any] | None, list[str]]:
    """The settings of a group as a checkpoint holds them.

    Args:
        group: Its name, such as ``data``.
        values: Its settings, ``name`` included, or None.
        table: What can be built by name. Of code of the user's own only numbers and switches are
            kept: any of its texts may be a path.

    Returns:
        The settings without those that are withheld, and the keys of these.
    """
    if values is None:
        return None, []
    name = values.get(NAME, values.get(OWN_CODE))
    # Code of the user's own has an import path as its name, and may declare paths as texts.
    is_own = OWN_CODE in values or "." in str(name)
    declared = settings_of(table[name]) if name in table and not is_own else None
    kept, withheld = {NAME: name}, []
    for setting, value in values.items():
        if setting in (NAME, OWN_CODE):
            continue
        if declared is None or setting not in declared:
            stays = value is None or isinstance(value, bool | int | float)
        else:
            is_path = isinstance(value, str | Path) and _takes_path(declared[setting].annotation)
            stays = not is_path and (f"{group}.{setting}" not in OF_PEOPLE or value is None)
        if stays:
            kept[setting] = value
        elif f"{group}.{setting}" not in OF_A_MACHINE:
            withheld.append(f"{group}.{setting}")
    return kept, withheld


def check_withheld(
    group: str, values: Mapping[str, Any] | None, table: Mapping[str, Callable[..., Any]]
) -> None:
    """Refuse the settings of a group that a checkpoint withholds.

    Takes the same arguments as `withhold`. A name that is not in the table passes, since nothing is
    built of it.

    Raises:
        InputError: A setting is a path or an id of a viewer.
    """
    if values is None or values.get(NAME) not in table:
        return
    kept, _ = withhold(group, values, table)
    for setting in values:
        if setting not in (kept or {}):
            raise InputError(
                f"{group}.{setting} is a path or an id of a viewer, which no checkpoint holds"
            )


def recall(
    checkpoint: Path,
    groups: Mapping[str, Any],
    withheld: Collection[str],
    typed: Collection[str],
) -> dict[str, Any]:
    """Settings of a checkpoint, completed with the withheld ones from its run folder.

    Args:
        checkpoint: The file, in the folder ``checkpoints`` of a run.
        groups: Settings as the checkpoint holds them, by group.
        withheld: Keys that it withholds.
        typed: Keys that the user gave; they are left out here.

    Raises:
        InputError: A withheld setting is neither in the run folder nor typed.
    """
    found = {
        group: dict(values) if isinstance(values, Mapping) else values
        for group, values in groups.items()
    }
    config = _config_of(checkpoint)
    for key in withheld:
        group, _, setting = key.partition(".")
        if group not in found or key in OF_A_MACHINE or {key, group} & set(typed):
            continue
        settings = config.get(group)
        settings = settings if isinstance(settings, Mapping) else {}
        is_same = settings.get(NAME, settings.get(OWN_CODE)) == found[group][NAME]
        value = settings.get(setting) if is_same else None
        plain = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | int) and "${" not in str(each) for each in plain):
            alias = " (predict.py: saliency_path=...)" if key == "saliency.path" else ""
            raise InputError(
                f"{checkpoint}: does not hold {key}: paths, ids of viewers and texts of the user's "
                f"own code are left out; give {key}=... as in the training{alias}"
            )
        found[group][setting] = value
    return found


def _config_of(checkpoint: Path) -> Mapping[str, Any]:
    """The configuration in a checkpoint's run folder; empty where there is none."""
    file = checkpoint.resolve().parent.parent / "config.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _takes_path(annotation: Any) -> bool:
    """Whether a type of setting takes a path."""
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return any(option is Path for option in options_of(base))
