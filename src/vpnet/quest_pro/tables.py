"""The tables of a Meta Quest Pro recording, read from its files by column name.

Columns are those of docs/CONVENTIONS.md, section "Meta Quest Pro recordings". What cannot be read
is noted, and the other tables are read nevertheless.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from vpnet.quest_pro.files import QuestProFiles, RawTables
from vpnet.quest_pro.headset_columns import FIXATION_COLUMNS, OFFSET_COLUMNS
from vpnet.quest_pro.streams import (
    BLINK_COLUMNS,
    GAZE_COLUMNS,
    QUATERNION_COLUMNS,
    face_columns,
    named_weights,
)
from vpnet.recordings.csv_table import (
    FIRST_LINE,
    UnreadableTable,
    read_csv_table,
)
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.refusals import FACE_UNREADABLE, GAZE_UNREADABLE, HEAD_MISSING, UNREADABLE

HEAD_COLUMNS = ("PlaybackTime", *QUATERNION_COLUMNS)
EYE_COLUMNS = (*GAZE_COLUMNS, "LeftConfidence", "RightConfidence", "BothEyesValid")

FRAME_COLUMN = "VideoFrame"
HEAD_EXTRAS = (
    *("HmdPosition.x", "HmdPosition.y", "HmdPosition.z"),
    *("EulerYaw", "EulerPitch", "EulerRoll", "VelYaw", "VelPitch", "VelRoll"),
)
EYE_EXTRAS = (
    *("GazeOrigin.x", "GazeOrigin.y", "GazeOrigin.z", "GazeYaw", "GazePitch"),
    *("LeftPupilDiam_NA", "RightPupilDiam_NA", "LeftPupilDiam", "RightPupilDiam"),
    *("LeftOpenness", "RightOpenness", *BLINK_COLUMNS, "LidTightenerL", "LidTightenerR"),
    *("UpperLidRaiserL", "UpperLidRaiserR", *FIXATION_COLUMNS),
)
COMBINED_EXTRAS = (
    *("PlaybackTime", FRAME_COLUMN, "HeadYaw", "HeadPitch", "HeadRoll", "GazeYaw", "GazePitch"),
    *(*OFFSET_COLUMNS, "AbsoluteGazeYaw", "AbsoluteGazePitch", "AvgPupil"),
    *("LeftOpenness", "RightOpenness", *BLINK_COLUMNS, "FaceIsValid", "SmileL", "SmileR"),
    *("BrowDownL", "BrowDownR", "JawOpen", "EyeClosedL", "EyeClosedR", "FaceActivity"),
)

EYE_MISSING = Rule(
    "eye_missing",
    Severity.WARNING,
    "The eye's file is missing",
    meaning="The recording has no gaze; models see its head alone.",
    remedy="put eye.csv there if it was recorded",
)
FACE_MISSING = Rule(
    "face_missing",
    Severity.WARNING,
    "The face's file is missing",
    meaning="The recording has no face; models see it as lost throughout.",
    remedy="put face.csv there if it was recorded",
)
COMBINED_UNREADABLE = Rule(
    "combined_unreadable",
    Severity.NOTE,
    "The combined file cannot be read",
    meaning="Nothing is lost: all that it holds is computed anew from the other files. It can no "
    "longer be compared with them.",
    remedy="mend the file, or leave it so",
)


def read_tables(files: QuestProFiles, findings: list[Finding]) -> RawTables | None:
    """The tables of one recording; None where the head's is missing or cannot be read.

    Args:
        files: Where they are.
        findings: Files that are missing, damaged or unreadable are added here.
    """
    if not files.present:
        others = ", ".join(file.name for file in files.others)
        findings.append(
            UNREADABLE.broken(
                "a recording's files must be called head.csv, eye.csv, face.csv and combined.csv, "
                f"found only {others}",
                file=files.source,
                remedy="rename them, or leave the recording out",
            )
        )
        return None
    if files.head is None:
        others = ", ".join(file.name for file in files.present)
        findings.append(
            HEAD_MISSING.broken(
                f"a recording cannot be read without head.csv, found only {others}",
                file=files.source,
            )
        )
    if files.eye is None:
        findings.append(
            EYE_MISSING.broken("eye.csv is missing, the recording has no gaze", file=files.source)
        )
    if files.face is None:
        findings.append(
            FACE_MISSING.broken("face.csv is missing, the recording has no face", file=files.source)
        )
    head = _table(files.head, _HEAD, findings)
    eye = _table(files.eye, _EYE, findings)
    face = _table(files.face, _FACE, findings)
    combined = _table(files.combined, _COMBINED, findings)
    if face is not None:
        face = named_weights(face, str(files.face), findings)
    return None if head is None else RawTables(head, eye, face, combined, files)


@dataclass(frozen=True)
class _Kind:
    """How one of the four tables is read.

    Args:
        needed: Columns without which it cannot be, given those it has.
        extras: Columns that it may have.
        rule: What it breaks where it cannot be read.
        otherwise: What can then be done besides mending it.
    """

    needed: Callable[[Sequence[str]], Sequence[str]]
    extras: tuple[str, ...]
    rule: Rule
    otherwise: str


def _head_columns(header: Sequence[str]) -> Sequence[str]:
    """Layout v1 has no VideoFrame; where it is, which rows count depends on every value of it."""
    return (*HEAD_COLUMNS, FRAME_COLUMN) if FRAME_COLUMN in header else HEAD_COLUMNS


_HEAD = _Kind(_head_columns, HEAD_EXTRAS, UNREADABLE, "or leave the recording out")
_EYE = _Kind(
    lambda _: EYE_COLUMNS,
    EYE_EXTRAS,
    GAZE_UNREADABLE,
    "or remove the file to read the recording without gaze",
)
_FACE = _Kind(
    lambda header: ("FaceIsValid", *face_columns(header)),
    (),
    FACE_UNREADABLE,
    "or remove the file to read the recording without face",
)
_COMBINED = _Kind(lambda _: (), COMBINED_EXTRAS, COMBINED_UNREADABLE, "or leave it so")


def _table(file: Path | None, kind: _Kind, findings: list[Finding]) -> pl.DataFrame | None:
    if file is None:
        return None
    try:
        table = read_csv_table(
            file, kind.needed, ("Timestamp",), optional=kind.extras, findings=findings
        )
        return _with_timestamps(table, file)
    except UnreadableTable as error:
        findings.append(error.finding(kind.rule, kind.otherwise))
        return None


def _with_timestamps(table: pl.DataFrame, file: Path) -> pl.DataFrame:
    """Timestamps as numbers, or as text where all are dates, which is enough to match them."""
    timestamp_s = table["Timestamp"].cast(pl.Float64, strict=False)
    wrong = ~timestamp_s.is_finite().fill_null(False)
    if timestamp_s.null_count() == len(table):
        wrong = table["Timestamp"].fill_null("") == ""
    else:
        table = table.with_columns(timestamp_s)
    if wrong.any():
        row = wrong.arg_max() or 0
        raise UnreadableTable(
            file,
            "the value must be a time like the others, found none",
            "mend the value or delete the line",
            line=FIRST_LINE + row,
            column="Timestamp",
        )
    return table
