"""Checkpoint files: whole, signed with a digest and a version, and read as data only.

A file is one of torch's zip archives. Its comment holds the version and the SHA-256 of all bytes
before it, which tell damage from a file of another version. Then the parts and the pickle are
checked without executing it (`vpnet.checkpoints.checkpoint_archive`),
`torch.load(weights_only=True)` reads them, and every value is checked
(`vpnet.checkpoints.plain_values`). The digest does not prove who wrote a file, so none of these
steps relies on it.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vpnet.checkpoints.checkpoint_archive import checked_archive, pickle_of
from vpnet.checkpoints.plain_values import check_plain
from vpnet.errors import InputError
from vpnet.whole_files import whole_file

CHECKPOINT_KEY = "vpnet"
CHECKPOINT_VERSION = 2
"""1 was never written into a file: those held ids of viewers, and import paths."""

LARGEST_BYTES = 2**32
"""A network of 300 million weights and its optimizer would fit."""

_SIGNATURE = re.compile(rb"vpnet checkpoint (\d{4}) sha256 ([0-9a-f]{64})")
_LENGTH = len(b"vpnet checkpoint 0002 sha256 ") + 64
_DIGEST = 64
_END = b"PK\x05\x06"
_END_LENGTH = 22

_PARTS = {"epoch", "global_step", "pytorch-lightning_version", "state_dict", CHECKPOINT_KEY}
_OF_TRAINING = {"loops", "callbacks", "optimizer_states", "lr_schedulers", "MixedPrecision"}


def write_content(content: Mapping[str, Any], path: str | Path) -> None:
    """Write a checkpoint, whole or not at all, and sign it.

    Args:
        content: What Lightning and `vpnet.checkpoints.checkpoint_entry.describe` have to say.
        path: The file; an earlier one of this name stays until the new one is on the disk.

    Raises:
        OSError: It could not be written, for instance because the disk is full.
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
    said = b"vpnet checkpoint %04d sha256 " % version
    body = archive[:-2] + _LENGTH.to_bytes(2, "little") + said
    return body + hashlib.sha256(body).hexdigest().encode()


def read_content(path: str | Path) -> dict[str, Any]:
    """What a checkpoint holds: plain values and tensors, and none of them out of bounds.

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
        _check_parts(content)
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
    """What a file is that does not end as checkpoints do."""
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
        pickle = pickle_of(data)
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


def _check_parts(content: Any) -> None:
    """Hold the content to what Lightning and vpnet write, part by part."""
    if not isinstance(content, dict) or not isinstance(content.get(CHECKPOINT_KEY), dict):
        raise InputError(f"not a checkpoint of vpnet: it lacks the entry {CHECKPOINT_KEY!r}")
    wrong = sorted(map(str, (_PARTS - content.keys()) | (content.keys() - _PARTS - _OF_TRAINING)))
    if wrong:
        raise InputError(f"{wrong[0]} is missing, or no part of a checkpoint")
    for name in ("epoch", "global_step"):
        if type(content[name]) is not int or not 0 <= content[name] < 2**48:
            raise InputError(f"{name} must be a whole number, got {str(content[name])[:40]!r}")
    version = content["pytorch-lightning_version"]
    if not isinstance(version, str) or not re.fullmatch(r"2\.\d{1,4}\.[\w.+]{1,20}", version):
        raise InputError("pytorch-lightning_version must be one of Lightning 2")
    if not isinstance(content["state_dict"], dict):
        raise InputError("state_dict must hold tensors by name")
    for name, value in content["state_dict"].items():
        if not isinstance(name, str):
            raise InputError(f"state_dict must hold tensors by name, got the name {name!r}")
        if not isinstance(value, torch.Tensor):
            raise InputError(f"state_dict.{name} must be a tensor, got {type(value).__name__}")
    # A schedule or an early stopping that has seen no error yet holds an infinite one.
    check_plain(
        content,
        may_be_infinite=("callbacks", "lr_schedulers"),
        without_text=("loops", "optimizer_states"),
    )
