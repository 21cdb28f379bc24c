"""The archive of a checkpoint, checked before torch reads it.

A zip archive may unpack to more than there is room for, its pickle may name functions, and two
programs may find different parts in one file. Here the parts are stored as they are, the pickle
names tensors only, and torch is given a new archive of the parts that were checked.
"""

import io
import pickletools
import re
import zipfile

from vpnet.errors import InputError

MOST_PARTS = 100_000
LARGEST_PICKLE_BYTES = 2**26
MOST_STEPS = 5_000_000
"""Of the pickle; a tensor takes about 40."""

STORAGES = ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Byte", "Bool")
NAMES = {
    "torch._utils _rebuild_tensor_v2",
    "collections OrderedDict",
    *(f"torch {kind}Storage" for kind in STORAGES),
}
"""All that `torch.save` names where it writes tensors and plain values."""

STEPS = frozenset(
    ("PROTO", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "MARK", "BINPUT", "LONG_BINPUT", "BINGET")
    + ("LONG_BINGET", "BINUNICODE", "GLOBAL", "BINPERSID", "REDUCE", "TUPLE", "TUPLE1", "TUPLE2")
    + ("TUPLE3", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "NEWTRUE", "NEWFALSE")
    + ("NONE", "SETITEM", "SETITEMS", "APPEND", "APPENDS", "STOP")
)
"""Steps of a pickle that torch writes. None sets attributes (BUILD) or makes objects (NEWOBJ)."""

_PART = re.compile(
    r"[^/]+/(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|data/\d+"
    r"|\.data/serialization_id)"
)


def checked_archive(data: bytes) -> bytes:
    """A new archive of a file's parts, none of which is compressed or names a function.

    Args:
        data: The file.

    Raises:
        InputError: It is no such archive.
        BadZipFile: It is none at all.
    """
    parts = _parts_of(data)
    for count, (step, argument, _) in enumerate(pickletools.genops(pickle_of(data))):
        if step.name not in STEPS:
            raise InputError(f"its pickle holds the step {step.name}")
        if step.name == "GLOBAL" and argument not in NAMES:
            raise InputError(f"it names {str(argument)[:80]!r}, and a checkpoint holds data only")
        if count > MOST_STEPS:
            raise InputError(f"its pickle has more than {MOST_STEPS} steps")
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return copy.getvalue()


def pickle_of(data: bytes) -> bytes:
    """The pickle of an archive of torch's, unread.

    Raises:
        InputError: There is none, or a very large one.
        BadZipFile: The data are no archive.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = [part for part in archive.infolist() if part.filename.endswith("/data.pkl")]
        if len(found) != 1 or found[0].file_size > LARGEST_PICKLE_BYTES:
            raise InputError("it holds no pickle, several, or a very large one")
        if found[0].compress_type != zipfile.ZIP_STORED:
            raise InputError("its pickle is compressed")
        return archive.read(found[0])


def _parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        _check_parts(parts, len(data))
        return {part.filename: archive.read(part) for part in parts}


def _check_parts(parts: list[zipfile.ZipInfo], size_bytes: int) -> None:
    if len(parts) > MOST_PARTS:
        raise InputError(f"it has {len(parts)} parts")
    names = {part.filename for part in parts}
    if len(names) != len(parts) or len({name.partition("/")[0] for name in names}) > 1:
        raise InputError("two of its parts have one name")
    for part in parts:
        if not _PART.fullmatch(part.filename):
            raise InputError(f"its part {part.filename[:80]!r} is none of torch's")
        if part.compress_type != zipfile.ZIP_STORED or part.file_size != part.compress_size:
            raise InputError(f"its part {part.filename} is compressed")
    # Overlapping parts would take their bytes twice.
    if sum(part.file_size for part in parts) > size_bytes:
        raise InputError("its parts are larger than the file")
