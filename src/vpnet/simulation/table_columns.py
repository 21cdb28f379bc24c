"""Columns of a simulated recording: those of the headset's files, and how it derives them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import wrap_angle, yaw_and_elevation
from vpnet.geometry.rotations import forward_direction, roll_angle
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.gaze import detect_fixations

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


CLOSED_EYE = 0.5
"""A greater weight of a lid is a blink, during which gaze is not measured."""


def derive_tables(head: pl.DataFrame, eye: pl.DataFrame, face: pl.DataFrame) -> QuestProTables:
    """All four tables, from what the headset measures.

    Columns that can be derived are derived anew, those that are there are overwritten.

    Args:
        head: Clock, orientation and position.
        eye: Clock, gaze direction and origin, pupils, confidences and BothEyesValid.
        face: Clock, FaceIsValid and the weights.
    """
    head = _extended(head, _head_columns(head), COLUMNS["head"])
    eye = _extended(eye, _eye_columns(eye, face), COLUMNS["eye"])
    combined = _extended(
        head.select(CLOCK_COLUMNS), _combined_columns(head, eye, face), COLUMNS["combined"]
    )
    return QuestProTables(head, eye, face.select(COLUMNS["face"]), combined)


def wrap_deg(angle_deg: np.ndarray) -> np.ndarray:
    """The same angle in [-180, 180).

    Args:
        angle_deg: Shape ``(rows,)``.
    """
    return np.rad2deg(wrap_angle(torch.from_numpy(np.deg2rad(angle_deg))).numpy())


def offset_columns(
    head_yaw_deg: np.ndarray,
    head_pitch_deg: np.ndarray,
    gaze_yaw_deg: np.ndarray,
    gaze_pitch_deg: np.ndarray,
) -> dict[str, np.ndarray]:
    """The summary's columns about the gaze relative to the head, by plain subtraction of angles.

    Args:
        head_yaw_deg: Shape ``(rows,)``.
        head_pitch_deg: What is taken for the head's elevation, shape ``(rows,)``.
        gaze_yaw_deg: Shape ``(rows,)``.
        gaze_pitch_deg: The gaze's elevation, shape ``(rows,)``.
    """
    relative_h = wrap_deg(gaze_yaw_deg - head_yaw_deg)
    relative_v = gaze_pitch_deg - head_pitch_deg
    return {
        "GazeRelativeH": relative_h,
        "GazeRelativeV": relative_v,
        "EyeHeadOffset": np.hypot(relative_h, relative_v),
        "AbsoluteGazeYaw": wrap_deg(head_yaw_deg + relative_h),
        "AbsoluteGazePitch": head_pitch_deg + relative_v,
    }


def matrix(table: pl.DataFrame, columns: tuple[str, ...]) -> Tensor:
    """Columns of a table as a tensor of its own, shape ``(rows, len(columns))``.

    Args:
        table: Any table.
        columns: Names of columns that hold numbers.
    """
    return torch.from_numpy(table.select(columns).cast(pl.Float64).to_numpy().copy())


def _extended(
    table: pl.DataFrame, columns: Mapping[str, np.ndarray], order: tuple[str, ...]
) -> pl.DataFrame:
    return table.with_columns(**rounded_columns(columns)).select(order)


def _head_columns(head: pl.DataFrame) -> dict[str, np.ndarray]:
    """Unity's Euler angles (pitch positive DOWN) and how fast they change."""
    orientation_xyzw = matrix(head, QUATERNION_COLUMNS)
    yaw, elevation = yaw_and_elevation(forward_direction(orientation_xyzw))
    angles_rad = {"Yaw": yaw, "Pitch": -elevation, "Roll": roll_angle(orientation_xyzw)}
    row_s = np.diff(head["Timestamp"].to_numpy())
    columns = {f"Euler{name}": np.rad2deg(angle.numpy()) for name, angle in angles_rad.items()}
    for name in angles_rad:
        step_deg = wrap_deg(np.diff(columns[f"Euler{name}"]))
        columns[f"Vel{name}"] = np.concatenate(([0.0], step_deg / row_s))
    return columns


def _eye_columns(eye: pl.DataFrame, face: pl.DataFrame) -> dict[str, np.ndarray]:
    """Angles of the gaze, lids from the face, fixations between distinct measurements."""
    gaze = matrix(eye, GAZE_COLUMNS)
    yaw, elevation = yaw_and_elevation(gaze)
    lids = {name: face[name].to_numpy() for name in FACE_WEIGHTS if name.startswith("Eyes_")}
    look_down = np.minimum(lids["Eyes_Look_Down_L"], lids["Eyes_Look_Down_R"])
    closed = (lids["Eyes_Closed_L"], lids["Eyes_Closed_R"])
    measured = matrix(eye, ("BothEyesValid", *CONFIDENCE_COLUMNS)).gt(0).all(dim=1)
    measured &= torch.from_numpy(np.maximum(*closed) <= CLOSED_EYE)
    is_fixating, duration_s = detect_fixations(
        torch.from_numpy(eye["Timestamp"].to_numpy().copy()), gaze, measured
    )
    weights_of_lids = ("Lid_Tightener_L", "Lid_Tightener_R")
    weights_of_lids += ("Upper_Lid_Raiser_L", "Upper_Lid_Raiser_R")
    return (
        {"GazeYaw": np.rad2deg(yaw.numpy()), "GazePitch": np.rad2deg(elevation.numpy())}
        | {
            name: np.clip(1 - (one_closed + look_down), 0, 1)
            for name, one_closed in zip(OPENNESS_COLUMNS, closed, strict=True)
        }
        | dict(zip(BLINK_COLUMNS, closed, strict=True))
        | {
            name: face[weight].to_numpy()
            for name, weight in zip(LID_COLUMNS, weights_of_lids, strict=True)
        }
        | {
            "IsFixating": is_fixating.long().numpy(),
            "FixationDurationMs": 1000 * duration_s.numpy(),
        }
    )


def _combined_columns(
    head: pl.DataFrame, eye: pl.DataFrame, face: pl.DataFrame
) -> dict[str, np.ndarray]:
    """The headset's summary, with the signs of head and gaze made equal before subtracting."""
    head_deg = {name: head[f"Euler{name}"].to_numpy() for name in ("Yaw", "Pitch", "Roll")}
    gaze_deg = {name: eye[f"Gaze{name}"].to_numpy() for name in ("Yaw", "Pitch")}
    copied = {
        "SmileL": "Lip_Corner_Puller_L",
        "SmileR": "Lip_Corner_Puller_R",
        "BrowDownL": "Brow_Lowerer_L",
        "BrowDownR": "Brow_Lowerer_R",
        "JawOpen": "Jaw_Drop",
        "EyeClosedL": "Eyes_Closed_L",
        "EyeClosedR": "Eyes_Closed_R",
        "FaceIsValid": "FaceIsValid",
    }
    return (
        {f"Head{name}": angle for name, angle in head_deg.items()}
        | {f"Gaze{name}": angle for name, angle in gaze_deg.items()}
        | offset_columns(head_deg["Yaw"], -head_deg["Pitch"], gaze_deg["Yaw"], gaze_deg["Pitch"])
        | {name: eye[name].to_numpy() for name in (*OPENNESS_COLUMNS, *BLINK_COLUMNS)}
        | {name: face[weight].to_numpy() for name, weight in copied.items()}
        | {"FaceActivity": matrix(face, FACE_WEIGHTS).mean(dim=1).numpy()}
    )
