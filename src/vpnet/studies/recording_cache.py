"""What was read once is kept: keyed by the files' content, the settings and the reader's own code.

A key that fits is therefore never stale. An entry is ``<key>.json`` with the findings and, for each
recording in it, ``<key>-<number>.parquet`` with the samples. The JSON is written last, so that an
entry that was interrupted does not count. Any of the files may be deleted at any time, and reading
them can run no code.
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
import polars as pl
import torch
from torch import Tensor

from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.recording import Recording
from vpnet.whole_files import whole_file, write_text

LOCATION = "VPNET_CACHE"
"""Environment variable that names another folder than the user's usual one for caches."""

UNUSED_DAYS = 30
"""Entries that were not loaded for so long are deleted: settings and code may have changed."""

CODE = ("geometry", "recordings", "studies", "questionnaires", "quest_pro", "quality", "readers")
"""Packages whose code decides what is read from a file and what is found in it."""

_KEY = re.compile(r"[0-9a-f]{32}")
_PLAIN = ("user_id", "video_id", "source", "started_at", "measurements")

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
        for file in sorted((root / package).rglob("*")):
            if file.suffix in (".py", ".yaml"):
                digest.update(file.read_bytes())
    return digest.digest()


class RecordingCache:
    """A folder of entries; it is made, for its owner alone, when the first is stored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, key: str, checked: Sequence[CheckedRecording]) -> None:
        """Keep what was read; a folder that cannot be written is logged and otherwise ignored."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            entries = []
            for number, one in enumerate(checked):
                entry = {name: getattr(one, name) for name in _PLAIN} | {"recording": None}
                entry["findings"] = [finding.to_dict() for finding in one.findings]
                if one.recording is not None:
                    entry["recording"] = self._write(key, number, one.recording)
                entries.append(entry)
            write_text(self.folder / f"{key}.json", json.dumps(entries))
        except (OSError, pl.exceptions.PolarsError) as error:
            _LOGGER.warning("%s: recordings are not kept (%s)", self.folder, error)

    def load(self, key: str) -> list[CheckedRecording] | None:
        """What was kept under a key; None where there is nothing, or nothing whole."""
        try:
            path = self.folder / f"{key}.json"
            entries = json.loads(path.read_text(encoding="utf-8"))
            path.touch()
            checked = []
            for number, entry in enumerate(entries):
                fields = entry["recording"]
                recording = None if fields is None else self._read(key, number, fields)
                findings = tuple(Finding.from_dict(values) for values in entry["findings"])
                plain = {name: entry[name] for name in _PLAIN}
                checked.append(CheckedRecording(**plain, recording=recording, findings=findings))
            return checked
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
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

    def _write(self, key: str, number: int, recording: Recording) -> dict[str, Any]:
        """Write the tensors, a column each; return the other fields."""
        fields = vars(recording).copy()
        tensors = {name: value for name, value in fields.items() if isinstance(value, Tensor)}
        columns = {name: fields.pop(name).contiguous().numpy() for name in tensors}
        with whole_file(self.folder / f"{key}-{number}.parquet") as temporary:
            pl.DataFrame(columns).write_parquet(temporary, compression="zstd")
        return fields

    def _read(self, key: str, number: int, fields: dict[str, Any]) -> Recording:
        table = pl.read_parquet(self.folder / f"{key}-{number}.parquet")
        read: dict[str, Any] = dict(fields)
        read |= {one.name: torch.from_numpy(one.to_numpy(writable=True)) for one in table}
        # JSON knows no tuples.
        read["face_names"] = tuple(fields["face_names"])
        return Recording(**read)
