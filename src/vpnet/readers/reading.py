"""Recordings from whatever the user points at: names of files and folders tell the layout."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpnet.errors import InputError
from vpnet.quality.checking import with_checks
from vpnet.quest_pro.files import LAYOUT as QUEST_PRO_LAYOUT
from vpnet.quest_pro.files import has_table_name
from vpnet.quest_pro.reader import read_quest_pro
from vpnet.readers import david_mmsys18, nasrabadi_mmsys19, wu_mmsys17, xu_cvpr18
from vpnet.readers.dataset_files import DatasetLayout
from vpnet.readers.parquet import read_parquet
from vpnet.settings import Setting, check_settings, settings_of, unknown_message
from vpnet.studies.study import Study, StudyOptions


@dataclass(frozen=True)
class Reader:
    """What reads a data set, and how its files are recognised.

    Args:
        read: A `checked` function whose first parameter is the path as text, and whose others are
            the settings of ``conf/data/<name>.yaml``.
        fits: Whether a path has the names of this layout.
        layout: These names in words, for messages.
    """

    read: Callable[..., Study]
    fits: Callable[[Path], Any]
    layout: str


def _published(read: Callable[..., Study], layout: DatasetLayout) -> Reader:
    return Reader(read, layout.find, str(layout))


def _is_parquet(path: Path) -> bool:
    return path.is_file() and path.suffix == ".parquet"


def _has_quest_pro_names(path: Path) -> bool:
    if path.is_file():
        return has_table_name(path)
    return any(has_table_name(file) for depth in ("*", "*/*", "*/*/*") for file in path.glob(depth))


READERS: dict[str, Reader] = {
    "parquet": Reader(read_parquet, _is_parquet, "a .parquet file in vpnet's columns"),
    "xu_cvpr18": _published(xu_cvpr18.read_xu_cvpr18, xu_cvpr18.LAYOUT),
    "wu_mmsys17": _published(wu_mmsys17.read_wu_mmsys17, wu_mmsys17.LAYOUT),
    "david_mmsys18": _published(david_mmsys18.read_david_mmsys18, david_mmsys18.LAYOUT),
    "nasrabadi_mmsys19": _published(
        nasrabadi_mmsys19.read_nasrabadi_mmsys19, nasrabadi_mmsys19.LAYOUT
    ),
    "netllm_wu17": _published(wu_mmsys17.read_netllm_wu17, wu_mmsys17.NETLLM_LAYOUT),
    "quest_pro": Reader(read_quest_pro, _has_quest_pro_names, QUEST_PRO_LAYOUT),
}
"""Readers by the name of their configuration, in the order in which layouts are tried."""


def read_any(path: str | Path, *, layout: str | None = None, **settings: Any) -> Study:
    """Recordings of any data set that vpnet reads, checked.

    Args:
        path: A parquet file in vpnet's columns; the folder of a Quest Pro study or of one of its
            recordings; or a public data set as its authors hand it out: the folder into which it
            was unpacked, a folder of its layout within that, or one of its files.
        layout: Name in `READERS`; None recognises it.
        **settings: Settings of any reader by name, fields of records by theirs, such as
            ``mirror=True``. Those that the data set's reader does not have are passed over.

    Raises:
        InputError: There is nothing, the layout is unknown, no reader has a setting, or the reader
            refuses it.
    """
    check_reading(settings, "")
    path = Path(path)
    layout = recognise_layout(path) if layout is None else layout
    if layout not in READERS:
        raise InputError(f"layout must be one of {', '.join(READERS)}, got {layout!r}")
    read = READERS[layout].read
    return with_checks(read(**arguments_for(read, path, settings, "")))


def arguments_for(
    read: Callable[..., Any], path: str | Path, settings: Mapping[str, Any], key: str
) -> dict[str, Any]:
    """What to call a reader with: a path, and those of the settings that it has.

    Args:
        read: A reader.
        path: What it reads.
        settings: Settings of any reader by name.
        key: Where they are, for messages.

    Raises:
        InputError: A setting is of another type or out of its range, or a required one is missing.
    """
    known = settings_of(read)
    place = path_parameter(read)
    if place not in known:
        raise InputError(
            f"{read.__module__}.{read.__name__}: the parameters of a reader need types, its first "
            f"one such as {place}: str"
        )
    taken = {name: value for name, value in settings.items() if name in known}
    return check_settings(read, {**taken, place: str(path)}, key)


def path_parameter(read: Callable[..., Any]) -> str:
    """The name of the parameter of a reader that takes the path: its first."""
    return next(iter(inspect.signature(read).parameters))


def check_reading(values: Mapping[str, Any], key: str) -> None:
    """Check settings by name that any reader may take; ``key`` says in messages where they are.

    Raises:
        InputError: No reader has such a setting, or it is of another type or out of its range.
    """
    prefix = f"{key}." if key else ""
    known = _settings_but_path()
    for name, value in values.items():
        if name not in known:
            raise InputError(unknown_message(f"{prefix}{name}", name, known))
        known[name].check(f"{prefix}{name}", value)


def reading_settings(
    settings: Mapping[str, Any], read: Callable[..., Any] | None = None
) -> dict[str, Any]:
    """Those settings of a data set's reader that apply to other recordings too.

    ``read`` is the reader of the other recordings; None for the one that recognises them.
    """
    known = settings_for_any_layout(read)
    return {name: value for name, value in settings.items() if name in known}


def settings_for_any_layout(read: Callable[..., Any] | None = None) -> dict[str, Setting]:
    """A reader's settings, or all readers', that say how a recording of any study is read.

    These are all but the path and what concerns a study as a whole: which recordings are left out,
    and how they are read (`StudyOptions`, but for the codes that it accepts).
    """
    return {
        name: setting
        for name, setting in _settings_but_path(read).items()
        if setting.owner is not StudyOptions or name == "accept"
    }


def recognise_layout(path: Path) -> str:
    """Name in `READERS` of the file or folder at a path, as for `read_any`.

    Raises:
        InputError: There is nothing, or it has the names of no layout.
    """
    for name, reader in READERS.items():
        if reader.fits(path):
            return name
    if not path.exists():
        raise InputError(f"{path}: nothing is there; check the path")
    found = "a file of another name"
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        found = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "") or "an empty folder"
    known = "; ".join(f"{name}: {reader.layout}" for name, reader in READERS.items())
    raise InputError(
        f"{path}: recordings are recognised by the names of their files ({known}), found {found}; "
        "point at the folder into which a data set was unpacked, or name the layout if folders "
        "were renamed"
    )


def _settings_but_path(read: Callable[..., Any] | None = None) -> dict[str, Setting]:
    """Of one reader, or of all."""
    found: dict[str, Setting] = {}
    for one in [reader.read for reader in READERS.values()] if read is None else [read]:
        settings = settings_of(one)
        settings.pop(path_parameter(one), None)
        found |= settings
    return found
