"""How long the videos of a study last, from a table or from the videos themselves."""

from pathlib import Path

import av
import av.error

from vpnet.errors import InputError
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table

VIDEO_ENDINGS = (".mp4", ".mkv", ".webm", ".mov", ".m4v", ".avi")

_REMEDY = "give a CSV file with the columns video and duration_s, or a folder of videos"


def read_video_durations(path: str | Path) -> dict[str, float]:
    """Durations in seconds by the videos' names.

    Args:
        path: A CSV file with the columns ``video`` and ``duration_s``; or a folder of videos. Their
            names, without the ending of a video file, are those of the recordings.

    Raises:
        InputError: The path is neither, a video cannot be read, or a duration is not positive or
            given twice.
    """
    path = Path(path)
    if path.is_dir():
        return _durations_of_videos(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; {_REMEDY}")
    return _durations_of_table(path)


def _durations_of_table(path: Path) -> dict[str, float]:
    table = read_csv_table(path, numeric=["duration_s"], text=["video"])
    durations_s: dict[str, float] = {}
    for line, (cell, duration_s) in enumerate(
        table.select("video", "duration_s").iter_rows(), start=FIRST_LINE
    ):
        name = (cell or "").strip()
        video = Path(name).stem if Path(name).suffix.lower() in VIDEO_ENDINGS else name
        if not video or video in durations_s:
            found = f"{video} twice" if video else "no name"
            raise InputError(
                f"{path}, line {line}: each video must be named once, found {found}; correct or "
                "delete the line"
            )
        if duration_s <= 0:
            raise InputError(
                f"{path}, line {line}, column duration_s: a video must last longer than 0 s, found "
                f"{duration_s:g}; correct or delete the line"
            )
        durations_s[video] = duration_s
    return durations_s


def _durations_of_videos(folder: Path) -> dict[str, float]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in VIDEO_ENDINGS)
    if not files:
        raise InputError(
            f"{folder}: the folder must hold videos ({', '.join(VIDEO_ENDINGS)}), found none; "
            f"{_REMEDY}"
        )
    durations_s: dict[str, float] = {}
    for file in files:
        if file.stem in durations_s:
            raise InputError(
                f"{file}: each video must be there once, found {file.stem} with another ending as "
                "well; remove one of them"
            )
        durations_s[file.stem] = _duration_s(file)
    return durations_s


def _duration_s(file: Path) -> float:
    try:
        with av.open(str(file)) as container:
            duration = container.duration
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f"{file}: the video cannot be opened ({error}); copy it again or remove it"
        ) from error
    if not duration or duration <= 0:
        raise InputError(
            f"{file}: the video does not say how long it lasts; convert it with ffmpeg -c copy, or "
            f"{_REMEDY}"
        )
    return duration / av.time_base
