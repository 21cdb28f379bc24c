"""The videos to make maps of: which, how far each is, and what became of it."""

import glob
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from vpnet.errors import InputError
from vpnet.paver.clips import Clip
from vpnet.paver.map_file import MapFile, MapPart, read_part, write_map_file, write_part
from vpnet.text_table import TextTable
from vpnet.video.video_file import VideoFile, check_equirectangular, probe_video
from vpnet.whole_files import write_text

SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".ts")
"""Files of a folder that are taken for videos."""

_SAMPLE_BYTES = 1 << 20
"""Start and end of a video that identify it; reading gigabytes twice helps nobody."""


def find_videos(patterns: str | Sequence[str]) -> tuple[list[VideoFile], dict[str, str]]:
    """Probe the videos of files, folders or patterns such as ``videos/*.mp4``.

    Returns:
        The videos that can be used, in the order of their names; and what is wrong with the others,
        by the name of the file.

    Raises:
        InputError: Nothing is there, or two videos would write the same file.
    """
    patterns = [patterns] if isinstance(patterns, str) else patterns
    paths = sorted({path for pattern in patterns for path in _video_paths(pattern)})
    if not paths:
        raise InputError(f"videos={', '.join(patterns)}: no file there; give files or 'DIR/*.mp4'")
    by_name: dict[str, Path] = {}
    for path in paths:
        other = by_name.setdefault(path.stem, path)
        if other != path:
            raise InputError(
                f"{other} and {path} would both be written to {path.stem}.h5: a video's id is its "
                "file's name without the suffix; rename one, or use two output folders"
            )
    usable, refused = [], {}
    for path in paths:
        try:
            video = probe_video(path)
            check_equirectangular(video)
        except InputError as error:
            refused[path.name] = str(error)
        else:
            usable.append(video)
    return usable, refused


def _video_paths(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.is_dir():
        return [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
    # A name may hold brackets, which a pattern would read as its own.
    found = [path] if path.is_file() else [Path(name) for name in glob.glob(str(path))]
    return [file for file in found if file.is_file()]


def video_identity(path: Path) -> dict[str, Any]:
    """What tells a video from others: name, size and a digest of its start and end."""
    size = path.stat().st_size
    digest = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, size - _SAMPLE_BYTES), os.SEEK_SET)
        digest.update(file.read(_SAMPLE_BYTES))
    return {"name": path.name, "bytes": size, "digest": digest.hexdigest()}


@dataclass(frozen=True)
class VideoJob:
    """One video's work: its chunks, what is finished of it, and its file of maps at the end.

    Parts are kept in a hidden folder named by the settings, so that work under other settings is
    never taken for this job's. Chunks are cut without regard to what is finished: a chunk computed
    after an interruption has the same neighbours, and thereby the same bytes, as without one.

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
    def path(self) -> Path:
        """The finished file; the video's id is its name without the suffix."""
        return self.output / f"{self.video.path.stem}.h5"

    @property
    def parts_folder(self) -> Path:
        """Where finished chunks wait."""
        content = json.dumps(self.settings, sort_keys=True)
        digest = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
        return self.output / f".{self.video.path.stem}.{digest}"

    @property
    def chunk_count(self) -> int:
        """Chunks of the whole video."""
        return -(-len(self.clips) // self.clips_per_chunk)

    def chunk(self, number: int) -> tuple[Clip, ...]:
        """The clips of one chunk."""
        first = number * self.clips_per_chunk
        return self.clips[first : first + self.clips_per_chunk]

    def is_chunk_done(self, number: int) -> bool:
        """Whether the chunk is finished, or comes after damage that another chunk met."""
        if self._part(number).is_file():
            return True
        return any(at <= number for at, _ in self._damage())

    def missing_chunks(self) -> list[int]:
        """Chunks that remain to be computed; none where the finished file is there."""
        if self.path.exists():
            return []
        return [number for number in range(self.chunk_count) if not self.is_chunk_done(number)]

    def keep(self, number: int, part: MapPart | None, damage: str | None) -> None:
        """Keep a finished chunk: what could be computed of it, and why it is not all."""
        try:
            # First, so that a run that finds the chunk done finds the reason too.
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
                readable = self._readable(damage)
                if not readable:
                    raise InputError(damage[1] if damage else f"{self.video.path}: has no frame")
                reason = damage[1] if damage is not None else self.video.complaint
                complete = {"complete": reason is None, "damage": reason or ""}
                write_map_file(self.path, map(read_part, readable), {**self.settings, **complete})
            shutil.rmtree(self.parts_folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        return True

    def check_finished(self) -> None:
        """Raise an InputError where the finished file was made with other settings."""
        if not self.path.exists():
            return
        found = MapFile(self.path).settings
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

    def _readable(self, damage: tuple[int, str] | None) -> list[Path]:
        """Parts up to the first damage, its own included where it could be read in part."""
        last = self.chunk_count - 1 if damage is None else damage[0]
        files = [self._part(number) for number in range(last + 1)]
        return [file for file in files if file.is_file()]


class Outcome(NamedTuple):
    """What became of one video."""

    video: str
    """Name of its file."""
    maps: int
    """How many are in its file of maps."""
    duration_s: float
    """Playback time of the last of them, s."""
    failure: str
    """Why maps are missing; empty where none is."""


def outcomes(jobs: Sequence[VideoJob], refused: Mapping[str, str]) -> list[Outcome]:
    """Finish what is left to finish; what became of every video, in the order of their names.

    ``refused`` holds the videos that were not worked on, and what is wrong with them.
    """
    found = [Outcome(name, 0, 0.0, reason) for name, reason in refused.items()]
    for job in jobs:
        name = job.video.path.name
        try:
            if not job.finish():
                found.append(Outcome(name, 0, 0.0, "not finished; run the same command again"))
                continue
            maps = MapFile(job.path)
        except InputError as error:
            found.append(Outcome(name, 0, 0.0, str(error)))
            continue
        failure = maps.settings.get("damage", "")
        found.append(Outcome(name, len(maps), float(maps.times_s[-1]), failure))
    return sorted(found)


def outcome_table(results: Sequence[Outcome]) -> TextTable:
    """A row a video."""
    rows = []
    for outcome in results:
        state = "whole"
        if outcome.failure:
            state = "in part" if outcome.maps else "failed"
        until = f"{outcome.duration_s:.1f}" if outcome.maps else "-"
        rows.append((outcome.video, state, str(outcome.maps), until))
    return TextTable("Saliency maps", ("video", "state", "maps", "until s"), (tuple(rows),))
