"""Checkpoint files: written whole and signed, checked before torch reads them, read as data only.

A file is one of torch's zip archives. Its comment holds the version and the SHA-256 of all bytes
before it, which tell damage from a file of another version. The digest does not prove who wrote a
file, so no other check relies on it. A zip archive may unpack to more than there is room for, its
pickle may name functions, and two programs may find different parts in one file. Therefore all
parts must be stored as they are, and the pickle, which is never executed, may name tensors only.
torch is given a new archive of the parts that were checked, and each value that it reads is checked
(`check_plain`).
"""

import hashlib
import io
import math
import pickletools
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.whole_files import whole_file

CHECKPOINT_KEY = "vpnet"
CHECKPOINT_VERSION = 3
"""1 was never written into a file: those held ids of viewers, and import paths."""

LARGEST_BYTES = 2**32
"""A network of 300 million weights and its optimizer would fit."""

MOST_PARTS = 100_000
LARGEST_PICKLE_BYTES = 2**26
MOST_STEPS = 5_000_000
"""Of the pickle; a tensor takes about 40."""

STORAGES = ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Byte", "Bool")
NAMES = {"torch._utils _rebuild_tensor_v2", "collections OrderedDict"}
NAMES |= {f"torch {kind}Storage" for kind in STORAGES}
"""All that `torch.save` names where it writes tensors and plain values."""

STEPS = frozenset(
    ("PROTO", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "MARK", "BINPUT", "LONG_BINPUT", "BINGET")
    + ("LONG_BINGET", "BINUNICODE", "GLOBAL", "BINPERSID", "REDUCE", "TUPLE", "TUPLE1", "TUPLE2")
    + ("TUPLE3", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "NEWTRUE", "NEWFALSE")
    + ("NONE", "SETITEM", "SETITEMS", "APPEND", "APPENDS", "STOP")
)
"""Steps of a pickle that torch writes. None sets attributes (BUILD) or makes objects (NEWOBJ)."""

MOST_VALUES = 1_000_000
DEEPEST = 12
LONGEST_TEXT = 1000
DTYPES = (
    *(torch.float32, torch.float16, torch.bfloat16, torch.float64),
    *(torch.int64, torch.int32, torch.uint8, torch.bool),
)

_SIGNATURE = re.compile(rb"vpnet checkpoint (\d{4}) sha256 ([0-9a-f]{64})")
_LENGTH = len(b"vpnet checkpoint 0002 sha256 ") + 64
_DIGEST = 64
_END = b"PK\x05\x06"
_END_LENGTH = 22
_PART = re.compile(
    r"[^/]+/(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|data/\d+"
    r"|\.data/serialization_id)"
)
_ENTRIES = {"epoch", "global_step", "pytorch-lightning_version", "state_dict", CHECKPOINT_KEY}
_OF_TRAINING = {"loops", "callbacks", "optimizer_states", "lr_schedulers", "MixedPrecision"}
_MAY_BE_INFINITE = ("callbacks", "lr_schedulers")
"""A schedule or an early stopping that has seen no error yet holds an infinite one."""

_WITHOUT_TEXT = ("loops", "optimizer_states")
_NAME_SUFFIX = " (a name)"
_HYDRA_KEY = re.compile(r"_[a-z]+_")
_TRAINING_REFERENCE = re.compile(r"\$\{training\.[a-z_]+\}")
"""A training setting that follows another one, which a resumed training may change."""


def write_content(content: Mapping[str, Any], path: str | Path) -> None:
    """Write and sign the entries of Lightning and `vpnet.checkpoints.checkpoint_entry.describe`.

    An earlier file stays until the new one is on the disk. An OSError says why it could not be
    written, for instance because the disk is full.
    """
    buffer = io.BytesIO()
    # A plain mapping: that of a module carries attributes.
    torch.save({**content, "state_dict": dict(content["state_dict"])}, buffer)
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(signed(buffer.getvalue()))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def signed(archive: bytes, version: int = CHECKPOINT_VERSION) -> bytes:
    """A zip archive of torch's with version and digest as its comment."""
    assert archive[-_END_LENGTH:].startswith(_END), "an archive without comment"
    label = b"vpnet checkpoint %04d sha256 " % version
    body = archive[:-2] + _LENGTH.to_bytes(2, "little") + label
    return body + hashlib.sha256(body).hexdigest().encode()


def read_content(path: str | Path) -> dict[str, Any]:
    """What a checkpoint holds: plain values and tensors, all of them within bounds.

    Raises:
        InputError: The file is missing, damaged, of another version, or not one of vpnet's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: checkpoint not found; give the file, e.g. runs/.../checkpoints/best.ckpt"
        )
    if path.stat().st_size > LARGEST_BYTES:
        raise InputError(
            f"{path}: not a checkpoint of vpnet: {path.stat().st_size / 1e9:.1f} GB; give a file "
            "that train.py wrote"
        )
    data = path.read_bytes()
    _check_signature(path, data)
    try:
        archive = io.BytesIO(checked_archive(data))
        content = torch.load(archive, map_location="cpu", weights_only=True)
    except Exception as error:  # of a made-up file the unpickler may raise nearly anything
        # Its own message would advise to run whatever code the file holds.
        reason = str(error) if isinstance(error, InputError) else type(error).__name__
        raise InputError(
            f"{path}: not a checkpoint of vpnet, though signed like one: {reason}; give a file "
            "that train.py wrote"
        ) from error
    try:
        _check_entries(content)
    except InputError as error:
        raise InputError(f"{path}: {error}; give a file that train.py wrote") from error
    return content


def _check_signature(path: Path, data: bytes) -> None:
    found = _SIGNATURE.fullmatch(data[-_LENGTH:])
    if found is None:
        raise InputError(f"{path}: {_without_signature(data)}")
    if hashlib.sha256(data[:-_DIGEST]).hexdigest().encode() != found[2]:
        raise InputError(
            f"{path}: damaged: its content is not what was written; copy it again, or take another"
        )
    if int(found[1]) != CHECKPOINT_VERSION:
        raise InputError(
            f"{path}: written as version {int(found[1])} of checkpoints, this vpnet reads version "
            f"{CHECKPOINT_VERSION}; use the vpnet that wrote it, or train again"
        )


def _without_signature(data: bytes) -> str:
    """What a file is that does not end like a checkpoint."""
    end = data.rfind(_END, -_LENGTH - _END_LENGTH)
    announced = data[end + _END_LENGTH - 2 : end + _END_LENGTH] if end >= 0 else b""
    if announced == _LENGTH.to_bytes(2, "little"):
        return "damaged: its signature is not readable; copy it again, or take another"
    if not data.startswith(b"PK\x03\x04"):
        return (
            "not a readable checkpoint: it is damaged, or train.py did not write it; copy it "
            "again, or give another"
        )
    try:
        pickle = _pickle_of(data)
    except Exception:  # of a damaged archive zipfile may raise nearly anything
        return "not a readable checkpoint: it is damaged or cut off; copy it again, or give another"
    if CHECKPOINT_KEY.encode() not in pickle or b"trained_on" not in pickle:
        return (
            f"not a checkpoint of vpnet: it lacks the entry {CHECKPOINT_KEY!r}; give a file that "
            "train.py wrote"
        )
    if b"withheld" in pickle:
        return "was changed after vpnet wrote it: it is no longer signed; give the file as it was"
    return (
        "written before checkpoints had versions, with ids of viewers and import paths in it; this "
        f"vpnet reads version {CHECKPOINT_VERSION} only: train again, or use the vpnet that wrote "
        "it"
    )


def checked_archive(data: bytes) -> bytes:
    """A new archive of a file's parts, none of which is compressed or names a function.

    Raises:
        InputError: It is no such archive.
        BadZipFile: It is no archive.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_parts(archive.infolist(), len(data))
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    for count, (step, argument, _) in enumerate(pickletools.genops(_pickle_of(data))):
        if step.name not in STEPS:
            raise InputError(f"its pickle holds the instruction {step.name}")
        if step.name == "GLOBAL" and argument not in NAMES:
            raise InputError(f"it names {str(argument)[:80]!r}, and a checkpoint holds data only")
        if count > MOST_STEPS:
            raise InputError(f"its pickle has more than {MOST_STEPS} instructions")
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return copy.getvalue()


def _pickle_of(data: bytes) -> bytes:
    """The pickle of an archive of torch's, not executed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = [part for part in archive.infolist() if part.filename.endswith("/data.pkl")]
        if len(found) != 1 or found[0].file_size > LARGEST_PICKLE_BYTES:
            raise InputError("it holds no pickle, several, or a very large one")
        if found[0].compress_type != zipfile.ZIP_STORED:
            raise InputError("its pickle is compressed")
        return archive.read(found[0])


def _check_parts(parts: list[zipfile.ZipInfo], size_bytes: int) -> None:
    """Refuse parts of an archive that torch does not write."""
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


def _check_entries(content: Any) -> None:
    """Refuse entries at the top that Lightning and vpnet do not write."""
    if not isinstance(content, dict) or not isinstance(content.get(CHECKPOINT_KEY), dict):
        raise InputError(f"not a checkpoint of vpnet: it lacks the entry {CHECKPOINT_KEY!r}")
    differing = (_ENTRIES - content.keys()) | (content.keys() - _ENTRIES - _OF_TRAINING)
    if differing:
        raise InputError(f"{min(map(str, differing))} is missing, or no part of a checkpoint")
    for name in ("epoch", "global_step"):
        if type(content[name]) is not int or not 0 <= content[name] < 2**48:
            raise InputError(f"{name} must be a whole number, got {str(content[name])[:40]!r}")
    version = content["pytorch-lightning_version"]
    if not isinstance(version, str) or not re.fullmatch(r"2\.\d{1,4}\.[\w.+]{1,20}", version):
        raise InputError("pytorch-lightning_version must be one of Lightning 2")
    if not isinstance(content["state_dict"], dict):
        raise InputError("state_dict must be a mapping of names to tensors")
    for name, value in content["state_dict"].items():
        if not isinstance(name, str):
            raise InputError(f"the names in state_dict must be texts, one is {name!r}")
        if not isinstance(value, Tensor):
            raise InputError(f"state_dict.{name} must be a tensor, got {type(value).__name__}")
    check_plain(content)


def check_plain(content: Any) -> None:
    """Refuse all but numbers, texts, lists, mappings and tensors within bounds.

    Raises:
        InputError: A value of a checkpoint is of another type, too long, too deep or not finite; a
            key is one that Hydra would act upon; a text refers to something outside the file.
    """
    sizes_bytes: dict[int, int] = {}
    tensors_bytes = 0
    for count, (key, value) in enumerate(_walk(content, "", 0)):
        if count > MOST_VALUES:
            raise InputError(f"holds more than {MOST_VALUES} values")
        finite = not key.startswith(_MAY_BE_INFINITE)
        if isinstance(value, Tensor):
            _check_tensor(key, value, finite)
            storage = value.untyped_storage()
            sizes_bytes[storage.data_ptr()] = storage.nbytes()
            tensors_bytes += value.nbytes
        elif isinstance(value, str):
            if key.startswith(_WITHOUT_TEXT) and not key.endswith(_NAME_SUFFIX):
                raise InputError(f"{key} must be a number, got {value[:80]!r}")
            _check_text(key, value)
        elif type(value) is float:
            if math.isnan(value) or (finite and math.isinf(value)):
                raise InputError(f"{key} must be a finite number, got {value}")
        elif type(value) is int:
            if abs(value) > 2**63:
                raise InputError(f"{key} must be a whole number of 64 bits")
        elif value is not None and type(value) is not bool:
            raise InputError(f"{key} must be a plain value, got a {type(value).__name__}")
    # Two may share their numbers, as tied weights do. Many that do so would take more memory than
    # the file suggests.
    if tensors_bytes > 2 * sum(sizes_bytes.values()):
        raise InputError("its tensors share storage, and apart they would take more than the file")


def _walk(value: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """All values that hold no others, and the texts that name them; a circle is too deep."""
    if depth > DEEPEST:
        raise InputError(f"{key[:80]} is more than {DEEPEST} levels deep")
    if type(value) is dict:
        for name, inner in value.items():
            if type(name) not in (str, int):
                raise InputError(f"{key} has a name that is a {type(name).__name__}")
            yield f"{key}{_NAME_SUFFIX}", name
            if isinstance(name, str) and _HYDRA_KEY.fullmatch(name):
                raise InputError(f"{key}.{name} would have code run: settings hold values only")
            yield from _walk(inner, f"{key}.{name}" if key else str(name), depth + 1)
    elif type(value) in (list, tuple):
        for place, inner in enumerate(value):
            yield from _walk(inner, f"{key}[{place}]", depth + 1)
    else:
        yield key, value
        return
    if not value:
        yield key, None  # an empty one counts as well


def _check_text(key: str, value: str) -> None:
    if len(value) > LONGEST_TEXT:
        raise InputError(f"{key} may have {LONGEST_TEXT} characters at most, it has {len(value)}")
    is_reference = "${" in value and not (
        key.startswith("vpnet.run.training.") and _TRAINING_REFERENCE.fullmatch(value)
    )
    if is_reference or value == "???":
        raise InputError(f"{key} refers to something outside the file: {value[:80]!r}")


def _check_tensor(key: str, value: Tensor, finite: bool) -> None:
    if type(value) is not Tensor or value.device.type != "cpu" or value.layout != torch.strided:
        raise InputError(f"{key} must be a plain tensor with its numbers in the file")
    if value.dtype not in DTYPES or value.is_quantized:
        raise InputError(f"{key} must hold numbers of a usual type, got {value.dtype}")
    # An expanded tensor would become many numbers of the few in the file.
    if not value.is_contiguous() or value.nbytes > value.untyped_storage().nbytes():
        raise InputError(f"{key} must have all its numbers in the file, in order")
    if value.is_floating_point():
        wrong = value.isnan() if not finite else ~value.isfinite()
        if bool(wrong.any()):
            raise InputError(
                f"{key} holds {int(wrong.sum())} numbers that are NaN or infinite: the training "
                "that wrote it diverged, or the file was changed"
            )
