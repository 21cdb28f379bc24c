"""Recordings from whatever the user points at: names of files and folders tell the layout."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from vpnet.errors import InputError
from vpnet.recordings.parquet import read_parquet
from vpnet.recordings.published import (
    david_mmsys18,
    nasrabadi_mmsys19,
    netllm_wu17,
    wu_mmsys17,
    xu_cvpr18,
)
from vpnet.recordings.quest_pro.files import LAYOUT as QUEST_PRO_LAYOUT
from vpnet.recordings.quest_pro.files import has_table_name
from vpnet.recordings.quest_pro.reader import read_quest_pro
from vpnet.recordings.recording import AGREEMENT_TOLERANCE_DEG
from vpnet.recordings.study import Study, StudyOptions

READERS: dict[str, Callable[..., Study]] = {
    "parquet": read_parquet,
    "quest_pro": read_quest_pro,
    "xu_cvpr18": xu_cvpr18.read_xu_cvpr18,
    "wu_mmsys17": wu_mmsys17.read_wu_mmsys17,
    "david_mmsys18": david_mmsys18.read_david_mmsys18,
    "nasrabadi_mmsys19": nasrabadi_mmsys19.read_nasrabadi_mmsys19,
    "netllm_wu17": netllm_wu17.read_netllm_wu17,
}
"""Readers by the name of their configuration, ``conf/data/<name>.yaml``."""

_FOLDERS = {
    "xu_cvpr18": xu_cvpr18.LAYOUT,
    "wu_mmsys17": wu_mmsys17.LAYOUT,
    "david_mmsys18": david_mmsys18.LAYOUT,
    "nasrabadi_mmsys19": nasrabadi_mmsys19.LAYOUT,
    "netllm_wu17": netllm_wu17.LAYOUT,
}


def reading_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings of a data set's reader that hold for other recordings read by `read_any` too.

    Args:
        settings: Configuration of any reader.
    """
    shared = inspect.signature(read_any).parameters.keys() - {"path", "layout", "options"}
    return {name: value for name, value in settings.items() if name in {*shared, "accept"}}


def read_any(
    path: str | Path,
    *,
    layout: str | None = None,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    max_gaze_offset_deg: float | None = 60.0,
    velocity_threshold_deg_s: float = 30.0,
    max_quaternion_disagreement_deg: float = AGREEMENT_TOLERANCE_DEG,
    use_timestamp_as_playback: bool = False,
    recorded_offsets: bool = False,
    recorded_fixations: bool = False,
    videos_csv: str | Path | None = None,
    **options: Unpack[StudyOptions],
) -> Study:
    """Recordings of any data set that vpnet reads.

    Settings that the data set's reader does not have are passed over.

    Args:
        path: A parquet file in vpnet's columns; the folder of a Quest Pro study or of one of its
            recordings; or a public data set as its authors hand it out: the folder into which it
            was unpacked, a folder of its layout within that, or one of its files.
        layout: Name in `READERS`; None recognises it.
        video_yaw_offset_deg: Turn of the video against the recorded axes.
        mirror: Whether left and right are exchanged.
        max_gaze_offset_deg: Gaze further than this from the head's axis is invalid.
        velocity_threshold_deg_s: Slower gaze is a fixation.
        max_quaternion_disagreement_deg: Parquet: how far a quaternion may point from the head.
        use_timestamp_as_playback: Quest Pro and Wu: whether Timestamp may stand in for a
            PlaybackTime that is 0 throughout.
        recorded_offsets: Quest Pro: whether the recorded eye-in-head offsets are used.
        recorded_fixations: Quest Pro: whether the recorded fixations are used.
        videos_csv: Xu: the file of frame rates.
        **options: See `Study`.

    Raises:
        InputError: There is nothing, the layout is unknown, or the reader refuses it.
    """
    path = Path(path)
    settings: dict[str, Any] = {
        "video_yaw_offset_deg": video_yaw_offset_deg,
        "mirror": mirror,
        "max_gaze_offset_deg": max_gaze_offset_deg,
        "velocity_threshold_deg_s": velocity_threshold_deg_s,
        "max_quaternion_disagreement_deg": max_quaternion_disagreement_deg,
        "use_timestamp_as_playback": use_timestamp_as_playback,
        "recorded_offsets": recorded_offsets,
        "recorded_fixations": recorded_fixations,
        "videos_csv": videos_csv,
    }
    if layout is None:
        layout = recognise_layout(path)
    if layout not in READERS:
        raise InputError(f"layout must be one of {', '.join(READERS)}, got {layout!r}")
    read = READERS[layout]
    taken = inspect.signature(read).parameters
    return read(path, **{name: settings[name] for name in settings.keys() & taken}, **options)


def recognise_layout(path: Path) -> str:
    """Name in `READERS` of what lies at a path.

    Args:
        path: File or folder, as for `read_any`.

    Raises:
        InputError: There is nothing, or it has the names of no layout.
    """
    if path.is_file() and path.suffix == ".parquet":
        return "parquet"
    for name, folder in _FOLDERS.items():
        if folder.find(path):
            return name
    if _has_quest_pro_names(path):
        return "quest_pro"
    if not path.exists():
        raise InputError(f"{path}: nothing is there; check the path")
    found = "a file of another name"
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        found = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "") or "an empty folder"
    known = "; ".join(f"{name}: {folder}" for name, folder in _FOLDERS.items())
    raise InputError(
        f"{path}: a recording is a .parquet file in vpnet's columns, a Quest Pro study "
        f"({QUEST_PRO_LAYOUT}) or a public data set as its authors hand it out ({known}), found "
        f"{found}; point at the folder into which it was unpacked, or name the layout if folders "
        "were renamed"
    )


def _has_quest_pro_names(path: Path) -> bool:
    if path.is_file():
        return has_table_name(path)
    return any(has_table_name(file) for depth in ("*", "*/*", "*/*/*") for file in path.glob(depth))
