"""Which files make up a recording of the Meta Quest Pro, in either of the layouts it has written.

v2 has a folder for each recording, ``ROOT/<participant>/<video>/head.csv``; v1 writes flat files,
``head_<participant>_<video>_<yyyymmdd>_<hhmmss>.csv``, in ROOT or in a folder for each participant.
One study may hold both, in capitals or not (docs/CONVENTIONS.md, section "Meta Quest Pro
recordings").
"""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from torch import Tensor

from vpnet.errors import InputError
from vpnet.questionnaires.questionnaire_files import questionnaire_files
from vpnet.recordings.findings import RULES, Finding

TABLES = ("head", "eye", "face", "combined")

LAYOUT = (
    "expected ROOT/<participant>/<video>/{head,eye,face,combined}.csv or "
    "ROOT/{head,eye,face,combined}_<participant>_<video>_<yyyymmdd>_<hhmmss>.csv"
)


_TABLE = f"({'|'.join(TABLES)})"
_WHEN = r"(\d{8})_(\d{6})\.csv"
_TABLE_NAME = re.compile(rf"{_TABLE}(_.*_.*)?\.csv", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d+)_.")
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuestProFiles:
    """The files of one recording; those that are missing are None.

    Args:
        user_id: From the names.
        video_id: From the names.
        source: The folder (v2) or the common part of the names (v1), for messages.
        head: Orientation of the head.
        eye: Directions of the gaze.
        face: Weights of facial expressions.
        combined: What the headset derived from the others.
        recorded_at: When the recording began, ISO 8601, where the names say so (v1).
        others: The folder's CSV files where none has the name of a table.
        findings: What the names leave unclear.
        questionnaires: What the viewer answered; more than one is wrong.
    """

    user_id: str
    video_id: str
    source: str
    head: Path | None = None
    eye: Path | None = None
    face: Path | None = None
    combined: Path | None = None
    recorded_at: str = ""
    others: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()
    questionnaires: tuple[Path, ...] = ()

    @property
    def present(self) -> tuple[Path, ...]:
        """The headset's files that exist."""
        files = (self.head, self.eye, self.face, self.combined)
        return tuple(file for file in files if file is not None)

    def name_of(self, table: str) -> str:
        """The file of a table, for messages; the one of layout v2 where it is missing."""
        return str(getattr(self, table) or f"{self.source}/{table}.csv")


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
        rows: Rows of ``head`` that make up the playback, and the recording's samples, shape
            ``(samples,)``; None where they are unknown.
    """

    head: pl.DataFrame
    eye: pl.DataFrame | None
    face: pl.DataFrame | None
    combined: pl.DataFrame | None
    files: QuestProFiles
    rows: Tensor | None = None


def has_table_name(file: Path) -> bool:
    """Whether a path is named like a file of a recording in either layout; it need not exist."""
    return _TABLE_NAME.fullmatch(file.name) is not None


def find_recordings(root: str | Path) -> list[QuestProFiles]:
    """All recordings of a study, in the order of participants' and videos' names.

    Args:
        root: Folder of a study in layout v2, v1 or both; the folder of one recording (v2); or one
            of a recording's files.

    Raises:
        InputError: There is no recording, or a recording's files are in an unexpected place.
    """
    root = Path(root)
    if root.is_file():
        return [_recording_of_file(root)]
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; {LAYOUT}, set root to an existing folder")
    if _tables_in(root):
        return [_recording_in_folder(root)]
    recordings = _flat_recordings(root, root)
    for participant in _subfolders(root):
        recordings += _recordings_of_participant(participant, root)
    if not recordings:
        studies = [folder for folder in _subfolders(root) if _is_study(folder)]
        remedy = f"set root to {studies[0]}" if studies else "set root to the folder of a study"
        raise InputError(f"{root}: no recordings found, only {_listing(root)}; {LAYOUT}; {remedy}")
    return sorted(recordings, key=lambda one: (one.user_id, one.video_id, one.recorded_at))


def _recording_of_file(file: Path) -> QuestProFiles:
    if file in _tables_in(file.parent).values():
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
    videos = [folder for folder in folders if _csv_files(folder)]
    if not videos and not recordings and _tables_in(participant):
        raise InputError(
            f"{participant}: the files of a recording are one level too high, found "
            f"{_listing(participant)}; {LAYOUT}. If {root.name} is a participant's folder, "
            "set root to the folder above it"
        )
    for folder in folders:
        if folder not in videos:
            _LOGGER.warning("%s: there is no CSV file in it, passed over", folder)
    if not (recordings or folders):
        _LOGGER.info("no recordings in %s, passed over", participant)
    return recordings + [_recording_in_folder(folder) for folder in videos]


def _recording_in_folder(folder: Path) -> QuestProFiles:
    """The recording of layout v2 whose user and video are named by the folders."""
    named = folder.absolute()
    tables = _tables_in(folder)
    return QuestProFiles(
        named.parent.name,
        named.name,
        str(folder),
        *map(tables.get, TABLES),
        recorded_at="",
        others=() if tables else tuple(_csv_files(folder)),
        questionnaires=questionnaire_files(named.parent.parent, named.parent.name),
    )


def _flat_recordings(folder: Path, root: Path) -> list[QuestProFiles]:
    """Recordings of layout v1 among the files of a folder: the study's, or a participant's.

    A participant's name may hold an underscore only where the folder has that name.
    """
    named = folder.absolute()
    own = re.compile(rf"{_TABLE}_({re.escape(named.name)})_(.+)_{_WHEN}", re.IGNORECASE)
    anyone = re.compile(rf"{_TABLE}_([^_]+)_(.+)_{_WHEN}", re.IGNORECASE)
    recordings: dict[tuple[str, str, str, str], dict[str, Path]] = {}
    for file in _csv_files(folder):
        name = own.fullmatch(file.name) or anyone.fullmatch(file.name)
        if name is not None:
            table, user_id, video_id, date, time = name.groups()
            user_id = named.name if name.re is own else user_id
            key = (user_id, video_id, date, time)
            recordings.setdefault(key, {})[table.lower()] = file
        elif file.name.lower().startswith(tuple(f"{one}_" for one in TABLES)):
            _LOGGER.warning(
                "%s: the name does not say what it holds, passed over; %s", file, LAYOUT
            )
    unclear = _unclear_participant(folder, {key[:2] for key in recordings})
    return [
        QuestProFiles(
            user_id,
            video_id,
            str(folder / "_".join((user_id, video_id, date, time))),
            *map(tables.get, TABLES),
            recorded_at=_iso_time(date + time),
            findings=unclear,
            questionnaires=questionnaire_files(
                named.parent if user_id == named.name else root, user_id
            ),
        )
        for (user_id, video_id, date, time), tables in recordings.items()
    ]


def _unclear_participant(folder: Path, seen: set[tuple[str, str]]) -> tuple[Finding, ...]:
    """A finding where one participant's videos are all numbered, as P_01 and P_02 would be."""
    users, videos = {user_id for user_id, _ in seen}, sorted(video_id for _, video_id in seen)
    numbers = [_NUMBERED.match(video_id) for video_id in videos]
    if len(users) > 1 or users == {folder.absolute().name} or None in numbers:
        return ()
    if len({number[1] for number in numbers if number}) < 2:
        return ()
    found = (
        "the name of a participant must not hold an underscore where all files are in one folder, "
        f"found one participant, {users.pop()}, whose videos are all numbered ({videos[0]} to "
        f"{videos[-1]})"
    )
    return (RULES["participant_unclear"].broken(found, file=folder),)


def _iso_time(digits: str) -> str:
    """Date and time in ISO 8601; empty where the digits are no date."""
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").isoformat()
    except ValueError:
        return ""


def _subfolders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _is_study(folder: Path) -> bool:
    return any(_tables_in(video) for person in _subfolders(folder) for video in _subfolders(person))


def _tables_in(folder: Path) -> dict[str, Path]:
    """Files of layout v2 in a folder, by table; of two spellings the one in lower case."""
    named = {file.stem.lower(): file for file in _csv_files(folder)}
    return {name: named[name] for name in TABLES if name in named}


def _csv_files(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.iterdir() if file.suffix.lower() == ".csv" and file.is_file()
    )


def _listing(folder: Path, shown: int = 5) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:shown]) + (" ..." if len(names) > shown else "") or "nothing"
