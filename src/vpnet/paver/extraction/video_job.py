"""One video's work: its chunks, what is finished of it, and its file of maps at the end."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from vpnet.errors import InputError
from vpnet.paver.clips import Clip
from vpnet.paver.store.part import StorePart, read_part, write_part
from vpnet.paver.store.reading import StoreFile
from vpnet.paver.store.writing import write_store
from vpnet.video.probe import VideoFile
from vpnet.whole_files import write_text

_SAMPLE_BYTES = 1 << 20
"""Start and end of a video that stand for all of it; reading gigabytes twice helps nobody."""


@dataclass(frozen=True)
class VideoJob:
    """What is to be done for one video, and where.

    Parts live in a hidden folder named by the settings, so that work under other settings is never
    taken for this one's. Chunks are cut without regard to what is finished: a chunk computed after
    an interruption has the same company, and thereby the same bytes, as without one.

    Args:
        video: The video.
        clips: Its clips, in order.
        output: Folder of the finished files.
        settings: Everything that decides the maps' values.
        clips_per_chunk: Clips that are kept and lost together.
    """

    video: VideoFile
    clips: tuple[Clip, ...]
    output: Path
    settings: Mapping[str, Any]
    clips_per_chunk: int

    @property
    def video_id(self) -> str:
        """Name of the video's file without the suffix."""
        return self.video.path.stem

    @property
    def path(self) -> Path:
        """The finished file."""
        return self.output / f"{self.video_id}.h5"

    @property
    def parts_folder(self) -> Path:
        """Where finished chunks wait."""
        content = json.dumps(self.settings, sort_keys=True)
        digest = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
        return self.output / f".{self.video_id}.{digest}"

    @property
    def chunk_count(self) -> int:
        """Chunks of the whole video."""
        return -(-len(self.clips) // self.clips_per_chunk)

    def chunk(self, number: int) -> tuple[Clip, ...]:
        """The clips of one chunk."""
        first = number * self.clips_per_chunk
        return self.clips[first : first + self.clips_per_chunk]

    def is_chunk_done(self, number: int) -> bool:
        """Whether the chunk is finished, or lies behind damage that another chunk met."""
        if self._part(number).is_file():
            return True
        return any(at <= number for at, _ in self._damage())

    def missing_chunks(self) -> list[int]:
        """Chunks that remain to be computed; none where the finished file is there."""
        if self.path.exists():
            return []
        return [number for number in range(self.chunk_count) if not self.is_chunk_done(number)]

    def keep(self, number: int, part: StorePart | None, damage: str | None) -> None:
        """Keep a finished chunk: what could be computed of it, and why it is not all."""
        try:
            # First, so that whoever finds the chunk done finds the reason too.
            if damage is not None:
                write_text(self._part(number).with_suffix(".damage"), damage)
            if part is not None:
                write_part(self._part(number), part)
        except FileNotFoundError:
            # Another run on the folder finished the video and cleared its parts meanwhile.
            if not self.path.exists():
                raise

    def finish(self) -> bool:
        """Put the chunks together where all are there, or all up to the damage; True if so.

        Raises:
            InputError: Nothing of the video could be decoded.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        lock = self.parts_folder.with_suffix(".lock")
        with FileLock(lock):
            if not self.path.exists():
                if self.missing_chunks():
                    return False
                damage = min(self._damage(), default=None)
                readable = [number for number, _ in self._readable(damage)]
                if not readable:
                    raise InputError(damage[1] if damage else f"{self.video.path}: has no frame")
                reason = damage[1] if damage is not None else self.video.complaint
                complete = {"complete": reason is None, "damage": reason or ""}
                write_store(self.path, self._parts(damage), {**self.settings, **complete})
            shutil.rmtree(self.parts_folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        return True

    def check_finished(self) -> None:
        """Refuse a finished file that was made in another way.

        Raises:
            InputError: Its settings differ; the message names them.
        """
        if not self.path.exists():
            return
        found = StoreFile(self.path).settings
        differing = [
            f"{key} was {found.get(key)!r} and is {value!r} now"
            for key, value in self.settings.items()
            if found.get(key) != value
        ]
        if differing:
            raise InputError(
                f"{self.path} was made in another way: {'; '.join(differing)}. Give another "
                "output folder, set back what changed, or delete the file"
            )

    def _part(self, number: int) -> Path:
        return self.parts_folder / f"{number:06d}.npz"

    def _damage(self) -> list[tuple[int, str]]:
        found = sorted(self.parts_folder.glob("*.damage"))
        return [(int(file.stem), file.read_text(encoding="utf-8")) for file in found]

    def _readable(self, damage: tuple[int, str] | None) -> Iterator[tuple[int, Path]]:
        """Parts up to the first damage, its own included where it could be read in part."""
        last = self.chunk_count - 1 if damage is None else damage[0]
        for number in range(last + 1):
            if self._part(number).is_file():
                yield number, self._part(number)

    def _parts(self, damage: tuple[int, str] | None) -> Iterator[StorePart]:
        for _, file in self._readable(damage):
            part = read_part(file)
            if part is None:
                file.unlink()
                raise InputError(
                    f"{file}: this part was damaged on disk and is removed; run the same command "
                    "again, which computes it anew"
                )
            yield part


def video_identity(path: Path) -> dict[str, Any]:
    """Name, size and a digest of a video's start and end."""
    size = path.stat().st_size
    digest = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, size - _SAMPLE_BYTES), os.SEEK_SET)
        digest.update(file.read(_SAMPLE_BYTES))
    return {"name": path.name, "bytes": size, "digest": digest.hexdigest()}
