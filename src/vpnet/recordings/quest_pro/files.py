"""Which files make up a recording of the Meta Quest Pro, in either of the layouts it has written.

v2 has a folder for each recording, ``ROOT/<participant>/<video>/head.csv``; v1 writes flat files,
``head_<participant>_<video>_<yyyymmdd>_<hhmmss>.csv``, side by side in ROOT or in a folder for each
participant. One study may hold both (docs/CONVENTIONS.md, section "Meta Quest Pro recordings").
"""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from vpnet.errors import InputError
from vpnet.recordings.questionnaire.files import questionnaire_file

TABLES = ("head", "eye", "face", "combined")

FLAT_NAME = re.compile(rf"({'|'.join(TABLES)})_([^_]+)_(.+)_(\d{{8}})_(\d{{6}})\.csv")
"""A file of layout v1: table, participant (no underscore), video, date and time."""

LAYOUT = (
    "expected ROOT/<participant>/<video>/{head,eye,face,combined}.csv or "
    "ROOT/{head,eye,face,combined}_<participant>_<video>_<yyyymmdd>_<hhmmss>.csv"
)

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuestProFiles:
    """The files of one recording; those that are not there are None.

    Args:
        user_id: Who watched, from the names.
        video_id: What was watched, from the names.
        source: The folder (v2) or the common part of the names (v1), for messages.
        head: Orientation of the head.
        eye: Directions of the gaze.
        face: Weights of facial expressions.
        combined: What the headset derived from the others.
        recorded_at: When the recording began, ISO 8601, where the names say so (v1).
        questionnaire: What the viewer answered.
    """

    user_id: str
    video_id: str
    source: str
    head: Path | None = None
    eye: Path | None = None
    face: Path | None = None
    combined: Path | None = None
    recorded_at: str = ""
    questionnaire: Path | None = None

    @property
    def present(self) -> tuple[Path, ...]:
        """The headset's files that are there."""
        files = (self.head, self.eye, self.face, self.combined)
        return tuple(file for file in files if file is not None)


@dataclass(frozen=True, eq=False)
class RawTables:
    """The tables of one recording as the headset wrote them, by the headset's names of columns.

    Columns without which a table cannot be read are finite float64; others may be absent, and are
    NaN where they hold no number. Timestamp is float64, or text where the headset wrote dates. Face
    weights have their names even where the file numbers them.

    Args:
        head: Timestamp, PlaybackTime, UnitQuaternion; VideoFrame, position, Euler angles and their
            velocities where they were recorded.
        eye: Timestamp, GazeDir, confidences, BothEyesValid; the other columns where they were
            recorded.
        face: Timestamp, FaceIsValid and the 63 weights.
        combined: Timestamp, and the other columns where they were recorded.
        files: Where the tables were read from.
    """

    head: pl.DataFrame
    eye: pl.DataFrame | None
    face: pl.DataFrame | None
    combined: pl.DataFrame | None
    files: QuestProFiles


def find_recordings(root: str | Path) -> list[QuestProFiles]:
    """All recordings of a study, in the order of participants' and videos' names.

    Args:
        root: Folder of a study in layout v2, v1 or both; or the folder of one recording (v2), or
            one of its files.

    Raises:
        InputError: There is no recording, a recording's files lie where none is expected, or a
            participant has several questionnaires.
    """
    root = Path(root)
    if root.is_file():
        return [_recording_of_file(root)]
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; {LAYOUT}, set root to an existing folder")
    if _has_tables(root):
        return [_recording_in_folder(root)]
    recordings = _flat_recordings(root, root)
    for participant in _subfolders(root):
        recordings += _recordings_of_participant(participant, root)
    if not recordings:
        raise InputError(f"{root}: no recordings found, only {_listing(root)}; {LAYOUT}")
    return sorted(recordings, key=lambda one: (one.user_id, one.video_id, one.recorded_at))


def _recording_of_file(file: Path) -> QuestProFiles:
    if file.stem in TABLES:
        return _recording_in_folder(file.parent)
    for recording in _flat_recordings(file.parent, file.parent):
        if file in recording.present:
            return recording
    raise InputError(
        f"{file}: no file of a Quest Pro recording has such a name; {LAYOUT}, give one of them or "
        "the folder ROOT"
    )


def _recordings_of_participant(participant: Path, root: Path) -> list[QuestProFiles]:
    """Recordings in one folder of the root: a folder for each video, or flat files."""
    recordings = _flat_recordings(participant, root)
    folders = _subfolders(participant)
    videos = [folder for folder in folders if _has_tables(folder)]
    if not videos and not recordings:
        if _has_tables(participant):
            raise InputError(
                f"{participant}: the files of a recording lie one level too high, found "
                f"{_listing(participant)}; {LAYOUT}. If {root.name} is a participant's folder, "
                "set root to the folder above it"
            )
        if folders:
            raise InputError(
                f"{participant}: a participant's folder must hold a folder for each video, found "
                f"no head.csv in {_listing(participant)}; {LAYOUT}"
            )
    passed_over = [folder for folder in folders if folder not in videos]
    if passed_over or not (recordings or videos):
        listed = ", ".join(map(str, passed_over or [participant]))
        _LOGGER.info("no recordings in %s, passed over", listed)
    return recordings + [_recording_in_folder(folder) for folder in videos]


def _recording_in_folder(folder: Path) -> QuestProFiles:
    """The recording of layout v2 whose user and video are named by the folders."""
    named = folder.absolute()
    tables = {name: folder / f"{name}.csv" for name in TABLES}
    return _recording(
        named.parent.parent,
        named.parent.name,
        named.name,
        str(folder),
        {name: file for name, file in tables.items() if file.is_file()},
    )


def _flat_recordings(folder: Path, root: Path) -> list[QuestProFiles]:
    """Recordings of layout v1 among the files of a folder of the study."""
    recordings: dict[tuple[str, ...], dict[str, Path]] = {}
    for file in sorted(folder.iterdir()):
        name = FLAT_NAME.fullmatch(file.name)
        if name is not None and file.is_file():
            table, *key = name.groups()
            recordings.setdefault(tuple(key), {})[table] = file
        elif file.suffix == ".csv" and file.name.startswith(tuple(f"{one}_" for one in TABLES)):
            _LOGGER.warning(
                "%s: the name does not say what it holds, passed over; %s", file, LAYOUT
            )
    return [
        _recording(
            root,
            user_id,
            video_id,
            str(folder / "_".join((user_id, video_id, date, time))),
            tables,
            _iso_time(date + time),
        )
        for (user_id, video_id, date, time), tables in recordings.items()
    ]


def _recording(
    root: Path,
    user_id: str,
    video_id: str,
    source: str,
    tables: dict[str, Path],
    recorded_at: str = "",
) -> QuestProFiles:
    return QuestProFiles(
        user_id,
        video_id,
        source,
        head=tables.get("head"),
        eye=tables.get("eye"),
        face=tables.get("face"),
        combined=tables.get("combined"),
        recorded_at=recorded_at,
        questionnaire=questionnaire_file(root, user_id),
    )


def _iso_time(digits: str) -> str:
    """Date and time in ISO 8601; empty where the digits are none."""
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").isoformat()
    except ValueError:
        return ""


def _subfolders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _has_tables(folder: Path) -> bool:
    return any((folder / f"{name}.csv").is_file() for name in TABLES)


def _listing(folder: Path, shown: int = 5) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:shown]) + (" ..." if len(names) > shown else "") or "nothing"
