"""Recordings of the Meta Quest Pro, one folder each: ``ROOT/<participant>/<video>/head.csv`` ...

Layout v2 of docs/CONVENTIONS.md: head.csv, eye.csv and face.csv are read by column name, in the
axes of Unity, which are the world frame; combined.csv holds nothing that cannot be recomputed, and
is not read. A recording without eye.csv or face.csv lacks that stream; one without head.csv is
refused. How each of the known defects is treated is said in `quest_pro_rows` and
`quest_pro_streams`. Whatever is dropped, marked or missing is logged.
"""

import logging
from pathlib import Path
from typing import Any

import polars as pl
import torch
from rich.progress import track

from vpnet.errors import InputError
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.csv_table import read_csv_header, read_csv_table
from vpnet.recordings.gaze import gaze_streams
from vpnet.recordings.quest_pro_rows import playback_rows
from vpnet.recordings.quest_pro_streams import (
    BLINK_COLUMNS,
    EULER_COLUMNS,
    GAZE_COLUMNS,
    QUATERNION_COLUMNS,
    face_columns,
    face_samples,
    gaze_samples,
    head_orientation,
)
from vpnet.recordings.recording import Recording
from vpnet.recordings.video_alignment import align_orientation_to_video, align_to_video

HEAD_COLUMNS = ("PlaybackTime", "VideoFrame", *QUATERNION_COLUMNS, *EULER_COLUMNS)
EYE_COLUMNS = (*GAZE_COLUMNS, *BLINK_COLUMNS, "LeftConfidence", "RightConfidence", "BothEyesValid")
TABLE_FILES = ("head.csv", "eye.csv", "face.csv", "combined.csv")
PROGRESS_FROM = 20
"""A study of more recordings than this shows a progress bar."""

_LAYOUT = "expected ROOT/<participant>/<video>/{head,eye,face,combined}.csv"
_LOGGER = logging.getLogger(__name__)


def read_quest_pro(
    root: str | Path,
    *,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    velocity_threshold_deg_s: float = 30.0,
    max_gaze_offset_deg: float | None = 60.0,
    use_timestamp_as_playback: bool = False,
) -> list[Recording]:
    """All recordings of a study, in the order of participants' and videos' names.

    Args:
        root: Folder that holds a folder for each participant.
        video_yaw_offset_deg: See `recording_from_tables`, as for the settings that follow.
        mirror: Whether the video was shown mirrored.
        velocity_threshold_deg_s: Slower gaze is a fixation.
        max_gaze_offset_deg: Greatest eye-in-head offset of valid gaze; None for no limit.
        use_timestamp_as_playback: Whether Timestamp may stand in for a PlaybackTime that is 0.

    Raises:
        InputError: The folder holds no such study, or one of its recordings breaks a rule.
    """
    folders = _recording_folders(Path(root))
    return [
        read_quest_pro_recording(
            folder,
            video_yaw_offset_deg=video_yaw_offset_deg,
            mirror=mirror,
            velocity_threshold_deg_s=velocity_threshold_deg_s,
            max_gaze_offset_deg=max_gaze_offset_deg,
            use_timestamp_as_playback=use_timestamp_as_playback,
        )
        for folder in track(
            folders, description="Reading recordings", disable=len(folders) <= PROGRESS_FROM
        )
    ]


def read_quest_pro_recording(folder: str | Path, **settings: Any) -> Recording:
    """One recording; its user and video are named as the folder and the folder above.

    Args:
        folder: Folder ``<participant>/<video>`` that holds head.csv.
        **settings: See `recording_from_tables`.

    Raises:
        InputError: head.csv is missing, or a file breaks a rule.
    """
    folder = Path(folder)
    head_file, eye_file, face_file = (folder / name for name in TABLE_FILES[:3])
    if not head_file.is_file():
        raise InputError(
            f"{head_file}: a recording cannot be read without head.csv, found {_listing(folder)}; "
            f"put it there or remove the folder ({_LAYOUT})"
        )
    head = _read_table(head_file, HEAD_COLUMNS)
    eye = face = None
    if eye_file.is_file():
        eye = _read_table(eye_file, EYE_COLUMNS)
    else:
        _LOGGER.warning("%s: the file is missing; the recording has no gaze", eye_file)
    if face_file.is_file():
        face = _read_table(face_file, ("FaceIsValid", *face_columns(read_csv_header(face_file))))
    else:
        _LOGGER.warning("%s: the file is missing; the recording has no face", face_file)
    named = folder.absolute()
    return recording_from_tables(
        head,
        eye,
        face,
        user_id=named.parent.name,
        video_id=named.name,
        source=str(folder),
        **settings,
    )


def recording_from_tables(
    head: pl.DataFrame,
    eye: pl.DataFrame | None,
    face: pl.DataFrame | None,
    *,
    user_id: str,
    video_id: str,
    source: str,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    velocity_threshold_deg_s: float = 30.0,
    max_gaze_offset_deg: float | None = 60.0,
    use_timestamp_as_playback: bool = False,
) -> Recording:
    """One recording from tables with the columns of head.csv, eye.csv and face.csv.

    Args:
        head: Timestamp, PlaybackTime, UnitQuaternion.x to .w; VideoFrame, EulerYaw and EulerPitch
            where they were recorded.
        eye: Timestamp, GazeDir.x to .z, confidences, BothEyesValid; BlinkL and BlinkR where they
            were recorded. None for a recording without gaze.
        face: Timestamp, FaceIsValid and the 63 weights by name or as Expr_0 to Expr_62. None for a
            recording without face.
        user_id: Who watched.
        video_id: What was watched.
        source: The folder of the tables, for messages.
        video_yaw_offset_deg: Added to the yaw of head and gaze, after the mirror.
        mirror: Whether left and right are exchanged.
        velocity_threshold_deg_s: Slower gaze is a fixation.
        max_gaze_offset_deg: Gaze further than this from the head's axis is marked invalid; None
            keeps it.
        use_timestamp_as_playback: Whether a recording whose PlaybackTime is 0 throughout, which is
            otherwise refused, takes the time since its first row. Others are read as ever.

    Raises:
        InputError: The tables break a rule; the message names file, line and remedy.
    """
    head_file, eye_file, face_file = (f"{source}/{name}" for name in TABLE_FILES[:3])
    rows, timestamps_s = playback_rows(head, head_file, use_timestamp_as_playback)
    orientation_xyzw = align_orientation_to_video(
        head_orientation(head, rows, head_file), video_yaw_offset_deg, mirror
    )
    viewport_center = forward_direction(orientation_xyzw)
    streams: dict[str, Any] = {}
    if eye is not None:
        gaze_direction, gaze_valid = gaze_samples(head, eye, rows, eye_file)
        streams |= gaze_streams(
            timestamps_s,
            viewport_center,
            orientation_xyzw,
            align_to_video(gaze_direction, video_yaw_offset_deg, mirror),
            gaze_valid,
            max_gaze_offset_deg=max_gaze_offset_deg,
            velocity_threshold_deg_s=velocity_threshold_deg_s,
        )
    if face is not None:
        weights, names, face_valid = face_samples(head, face, rows, face_file)
        streams |= {"face": weights, "face_names": names, "face_valid": face_valid}
    return Recording(
        user_id=user_id,
        video_id=video_id,
        source=source,
        timestamps_s=timestamps_s,
        viewport_center=viewport_center,
        head_valid=torch.ones(len(rows), dtype=torch.bool),
        head_orientation_xyzw=orientation_xyzw,
        **streams,
    )


def _read_table(file: Path, numeric: tuple[str, ...]) -> pl.DataFrame:
    """Columns of one file; Timestamp stays text where it is a date, which is enough to match it."""
    table = read_csv_table(file, numeric, text=("Timestamp",))
    timestamp_s = table["Timestamp"].cast(pl.Float64, strict=False)
    return table if timestamp_s.null_count() else table.with_columns(timestamp_s)


def _recording_folders(root: Path) -> list[Path]:
    """Folders of all recordings, by participant and video."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; {_LAYOUT}, set root to an existing folder")
    recordings: list[Path] = []
    for participant in _subfolders(root):
        folders = _subfolders(participant)
        videos = [folder for folder in folders if _has_tables(folder)]
        if not videos and _has_tables(participant):
            raise InputError(
                f"{participant}: the files of a recording lie one level too high, found "
                f"{_listing(participant)}; {_LAYOUT}. If {root.name} is a participant's folder, "
                "set root to the folder above it"
            )
        if not videos and folders:
            raise InputError(
                f"{participant}: a participant's folder must hold a folder for each video, found "
                f"no head.csv in {_listing(participant)}; {_LAYOUT}"
            )
        passed_over = [folder for folder in folders or [participant] if folder not in videos]
        if passed_over:
            _LOGGER.info("no recordings in %s, passed over", ", ".join(map(str, passed_over)))
        recordings += videos
    if not recordings:
        raise InputError(f"{root}: no recordings found, only {_listing(root)}; {_LAYOUT}")
    return recordings


def _subfolders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _has_tables(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TABLE_FILES)


def _listing(folder: Path, shown: int = 5) -> str:
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return ", ".join(names[:shown]) + (" ..." if len(names) > shown else "") or "nothing"
