"""The videos that a pattern names, each probed; what is wrong with one does not stop the others."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vpnet.errors import InputError
from vpnet.video.probe import VideoFile, check_equirectangular, probe_video

SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".ts")
"""Files of a folder that are taken for videos."""


class FoundVideos(NamedTuple):
    """What was asked for."""

    usable: tuple[VideoFile, ...]
    refused: dict[str, str]
    """Name of the file and what is wrong with it."""


def find_videos(patterns: str | Sequence[str]) -> FoundVideos:
    """Probe the videos of some patterns, in the order of their names.

    Args:
        patterns: Files, folders or patterns such as ``videos/*.mp4``.

    Raises:
        InputError: Nothing is there, or two videos would write the same file.
    """
    patterns = [patterns] if isinstance(patterns, str) else patterns
    paths = sorted({path for pattern in patterns for path in _paths(pattern)})
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
    return FoundVideos(tuple(usable), refused)


def _paths(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.is_dir():
        return [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
    # A name may hold brackets, which a pattern would read as its own.
    found = [path] if path.is_file() else [Path(name) for name in glob.glob(str(path))]
    return [file for file in found if file.is_file()]
