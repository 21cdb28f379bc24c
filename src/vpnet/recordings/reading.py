"""Recordings from whatever the user points at."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpnet.errors import InputError
from vpnet.recordings.parquet import read_parquet
from vpnet.recordings.quest_pro import read_quest_pro, read_quest_pro_recording
from vpnet.recordings.recording import Recording


def reading_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings of a data set's reader that `read_any` takes too.

    Args:
        settings: Configuration of any reader.
    """
    shared = inspect.signature(read_any).parameters.keys() - {"path"}
    return {name: value for name, value in settings.items() if name in shared}


def read_any(
    path: str | Path,
    *,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    max_gaze_offset_deg: float | None = 60.0,
    velocity_threshold_deg_s: float = 30.0,
    use_timestamp_as_playback: bool = False,
) -> list[Recording]:
    """Recordings of a canonical parquet file, a Quest Pro recording or a folder of them.

    Args:
        path: A ``.parquet`` file, a folder with ``head.csv``, or a folder
            ``ROOT/<participant>/<video>/``.
        video_yaw_offset_deg: Turn of the video against the recorded axes.
        mirror: Whether left and right are exchanged.
        max_gaze_offset_deg: Gaze further than this from the head's axis is invalid.
        velocity_threshold_deg_s: Slower gaze is a fixation.
        use_timestamp_as_playback: Quest Pro only: whether Timestamp may stand in for a
            PlaybackTime that is 0 throughout.

    Raises:
        InputError: It is none of these.
    """
    path = Path(path)
    settings: dict[str, Any] = {
        "video_yaw_offset_deg": video_yaw_offset_deg,
        "mirror": mirror,
        "max_gaze_offset_deg": max_gaze_offset_deg,
        "velocity_threshold_deg_s": velocity_threshold_deg_s,
    }
    if path.is_file() and path.suffix == ".parquet":
        return read_parquet(path, **settings)
    if path.is_dir():
        settings["use_timestamp_as_playback"] = use_timestamp_as_playback
        if (path / "head.csv").is_file():
            return [read_quest_pro_recording(path, **settings)]
        return read_quest_pro(path, **settings)
    raise InputError(
        f"{path}: a recording is a .parquet file in vpnet's columns or a folder with the headset's "
        f"head.csv; {'this is another kind of file' if path.exists() else 'nothing is there'}"
    )
