"""What was read once is kept: keyed by the files' content, the settings and the reader's own code.

A key that fits is therefore never stale. An entry is ``<key>.json`` with the findings and, for each
recording in it, ``<key>-<number>.parquet`` with the samples; the JSON is written last, so that an
entry that was interrupted does not count. Whoever needs the space may delete any of the files.
"""

import functools
import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.recording import Recording
from vpnet.whole_files import whole_file, write_text

LOCATION = "VPNET_CACHE"
"""Environment variable that names another folder than the user's usual one for caches."""

UNUSED_DAYS = 30
"""Entries that nobody has asked for in so long are deleted: settings and code may have changed."""

CODE = ("geometry", "recordings")
"""Packages whose code decides what a reader makes of a file."""

_KEY = re.compile(r"[0-9a-f]{32}")

_LOGGER = logging.getLogger(__name__)


def default_folder() -> Path:
    """Where recordings are kept unless the user names a folder."""
    return Path(os.environ.get(LOCATION) or platformdirs.user_cache_dir("vpnet")) / "recordings"


def content_key(files: Sequence[Path], settings: str) -> str:
    """A name for what one reader makes of some files.

    Args:
        files: The files, which exist.
        settings: Everything else that the result depends on, as text.

    Returns:
        Hexadecimal digits; others for other content, names, settings or code.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(_code_digest())
    digest.update(settings.encode())
    for file in files:
        content = file.read_bytes()
        digest.update(f"\0{file}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@functools.cache
def _code_digest() -> bytes:
    digest = hashlib.blake2b()
    root = Path(__file__).resolve().parents[1]
    for package in CODE:
        for module in sorted((root / package).rglob("*.py")):
            digest.update(module.read_bytes())
    return digest.digest()


class RecordingCache:
    """A folder of entries.

    Args:
        folder: Where they lie; it is made, for its owner alone, when the first is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, key: str, checked: Sequence[CheckedRecording]) -> None:
        """Keep what was read; a folder that cannot be written is logged and otherwise ignored."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            entries = []
            for number, one in enumerate(checked):
                entry: dict[str, Any] = {
                    "user_id": one.user_id,
                    "video_id": one.video_id,
                    "source": one.source,
                    "started_at": one.started_at,
                    "measurements": one.measurements,
                    "findings": [finding.to_dict() for finding in one.findings],
                    "recording": None,
                }
                if one.recording is not None:
                    entry["recording"] = _write_samples(
                        self.folder / f"{key}-{number}.parquet", one.recording
                    )
                entries.append(entry)
            write_text(self.folder / f"{key}.json", json.dumps(entries))
        except OSError as error:
            _LOGGER.warning("%s: recordings are not kept (%s)", self.folder, error.strerror)

    def load(self, key: str) -> list[CheckedRecording] | None:
        """What was kept under a key; None where there is nothing, or nothing whole."""
        try:
            path = self.folder / f"{key}.json"
            entries = json.loads(path.read_text(encoding="utf-8"))
            path.touch()
            return [
                _checked(entry, self.folder / f"{key}-{number}.parquet")
                for number, entry in enumerate(entries)
            ]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            _LOGGER.info("%s: entry %s is damaged and is read anew (%s)", self.folder, key, error)
            return None

    def prune(self) -> None:
        """Delete what has not been used for `UNUSED_DAYS`."""
        latest_s = time.time() - UNUSED_DAYS * 24 * 3600
        for path in self.folder.glob("*.json"):
            # The folder may hold other files: a user can name any.
            if _KEY.fullmatch(path.stem) and path.stat().st_mtime < latest_s:
                self.discard(path.stem)

    def holds(self, key: str) -> bool:
        """Whether something is kept under a key."""
        return (self.folder / f"{key}.json").is_file()

    def discard(self, key: str) -> None:
        """Delete what is kept under a key."""
        (self.folder / f"{key}.json").unlink(missing_ok=True)
        for path in self.folder.glob(f"{key}-[0-9]*.parquet"):
            path.unlink()


def _write_samples(path: Path, recording: Recording) -> dict[str, Any]:
    """Write the tensors as columns; return what is no tensor, and the tensors' widths."""
    columns: dict[str, pa.Array] = {}
    plain: dict[str, Any] = {}
    widths: dict[str, int] = {}
    for name, value in vars(recording).items():
        if not isinstance(value, Tensor):
            plain[name] = value
        else:
            widths[name] = value.shape[1] if value.ndim == 2 else 0
            flat = value if value.ndim == 2 else value.unsqueeze(1)
            for column, values in enumerate(flat.unbind(dim=1)):
                columns[f"{name}.{column}"] = pa.array(values.contiguous().numpy())
    with whole_file(path) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")
    return {"plain": plain, "widths": widths}


def _checked(entry: dict[str, Any], path: Path) -> CheckedRecording:
    recording = None
    if entry["recording"] is not None:
        recording = _read_samples(path, **entry["recording"])
    return CheckedRecording(
        user_id=entry["user_id"],
        video_id=entry["video_id"],
        source=entry["source"],
        recording=recording,
        findings=tuple(Finding.from_dict(values) for values in entry["findings"]),
        measurements=entry["measurements"],
        started_at=entry["started_at"],
    )


def _read_samples(path: Path, plain: dict[str, Any], widths: dict[str, int]) -> Recording:
    table = pq.read_table(path, use_threads=False)
    # JSON knows no tuples.
    fields: dict[str, Any] = plain | {"face_names": tuple(plain["face_names"])}
    for name, width in widths.items():
        columns = [
            torch.from_numpy(table[f"{name}.{column}"].to_numpy().copy())
            for column in range(width or 1)
        ]
        fields[name] = torch.stack(columns, dim=1) if width else columns[0]
    return Recording(**fields)
