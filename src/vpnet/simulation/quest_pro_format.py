"""The tables of a simulated recording, with the columns and decimals of the headset's files.

Tables are held in layout v2 of docs/CONVENTIONS.md, in its order of columns; `as_layout_v1` turns
them into the older layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from vpnet.recordings.face import FACE_WEIGHTS

ROW_RATE_HZ = 72
FRAME_RATE_HZ = 30
"""Frames per second of every simulated video."""

VALUE_DECIMALS = 4

TABLE_NAMES = ("head", "eye", "face", "combined")
"""A recording's tables, which are the names of its files."""

CLOCK_COLUMNS = ("Timestamp", "PlaybackTime", "VideoFrame")
QUATERNION_COLUMNS = tuple(f"UnitQuaternion.{axis}" for axis in "xyzw")
GAZE_COLUMNS = tuple(f"GazeDir.{axis}" for axis in "xyz")
PUPIL_COLUMNS = ("LeftPupilDiam_NA", "RightPupilDiam_NA")
OPENNESS_COLUMNS = ("LeftOpenness", "RightOpenness")
CONFIDENCE_COLUMNS = ("LeftConfidence", "RightConfidence")
BLINK_COLUMNS = ("BlinkL", "BlinkR")
LID_COLUMNS = ("LidTightenerL", "LidTightenerR", "UpperLidRaiserL", "UpperLidRaiserR")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "head": (
        *CLOCK_COLUMNS,
        *QUATERNION_COLUMNS,
        *(f"HmdPosition.{axis}" for axis in "xyz"),
        *(f"{kind}{angle}" for kind in ("Euler", "Vel") for angle in ("Yaw", "Pitch", "Roll")),
    ),
    "eye": (
        *CLOCK_COLUMNS,
        *GAZE_COLUMNS,
        *(f"GazeOrigin.{axis}" for axis in "xyz"),
        *("GazeYaw", "GazePitch"),
        *PUPIL_COLUMNS,
        *OPENNESS_COLUMNS,
        *BLINK_COLUMNS,
        *LID_COLUMNS,
        *CONFIDENCE_COLUMNS,
        *("IsFixating", "FixationDurationMs", "BothEyesValid"),
    ),
    "face": (*CLOCK_COLUMNS, "FaceIsValid", *FACE_WEIGHTS),
    "combined": (
        *CLOCK_COLUMNS,
        *("HeadYaw", "HeadPitch", "HeadRoll", "GazeYaw", "GazePitch"),
        *("GazeRelativeH", "GazeRelativeV", "EyeHeadOffset"),
        *("AbsoluteGazeYaw", "AbsoluteGazePitch"),
        *OPENNESS_COLUMNS,
        *BLINK_COLUMNS,
        *("FaceIsValid", "SmileL", "SmileR", "BrowDownL", "BrowDownR", "JawOpen"),
        *("EyeClosedL", "EyeClosedR", "FaceActivity"),
    ),
}
"""Columns of each table, in order."""


@dataclass(frozen=True)
class QuestProTables:
    """The four tables of one recording; the numbers are rounded as in the files.

    Without defects they are row-aligned.
    """

    head: pl.DataFrame
    eye: pl.DataFrame
    face: pl.DataFrame
    combined: pl.DataFrame

    def named(self) -> dict[str, pl.DataFrame]:
        """The tables by the names of their files, without the ending."""
        return {name: getattr(self, name) for name in TABLE_NAMES}


def rounded_columns(columns: Mapping[str, np.ndarray]) -> dict[str, pl.Series]:
    """Columns whose numbers are rounded as they are written; -0.0 becomes 0.0.

    Args:
        columns: Values by the headset's names, each of shape ``(rows,)``.
    """
    return {
        name: pl.Series(
            name,
            np.round(values, _decimals_of(name)) + 0.0 if values.dtype.kind == "f" else values,
        )
        for name, values in columns.items()
    }


def with_fixed_decimals(table: pl.DataFrame) -> pl.DataFrame:
    """The same numbers as decimals, which are written to CSV with all their places.

    Args:
        table: A table of `QuestProTables`.
    """
    return table.with_columns(
        pl.col(name).cast(pl.Decimal(38, _decimals_of(name)))
        for name, dtype in table.schema.items()
        if dtype == pl.Float64
    )


def as_layout_v1(tables: QuestProTables) -> QuestProTables:
    """The same recording as the older layout writes it: no frames, no lids, an average pupil.

    Args:
        tables: Tables of layout v2, with or without defects.
    """
    old_names = {name: name.removesuffix("_NA") for name in PUPIL_COLUMNS}
    # Where v2 writes -1 for a pupil that was not measured, v1 writes 0.
    eye = tables.eye.with_columns(pl.col(PUPIL_COLUMNS).clip(lower_bound=0)).rename(old_names)
    pupil = eye.select(pl.mean_horizontal(*old_names.values()).round(VALUE_DECIMALS)).to_series()
    combined = tables.combined.drop(*OPENNESS_COLUMNS, *BLINK_COLUMNS)
    combined = combined.insert_column(
        combined.columns.index("FaceIsValid"), pupil.alias("AvgPupil")
    )
    return QuestProTables(
        head=tables.head.drop("VideoFrame"),
        eye=eye.drop("VideoFrame", *BLINK_COLUMNS, *LID_COLUMNS),
        face=tables.face.drop("VideoFrame"),
        combined=combined.drop("VideoFrame"),
    )


def _decimals_of(column: str) -> int:
    fine = column in ("Timestamp", "PlaybackTime") or column.startswith(("UnitQuat", "GazeDir"))
    return 6 if fine else VALUE_DECIMALS
