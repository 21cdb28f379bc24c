"""Tables of a simulated recording: their columns, what the headset derives, and other streams.

With another head, gaze or face, all that the headset derives is derived anew, unless said
otherwise; for that the tables must be row-aligned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import normalize, wrap_angle, yaw_and_elevation
from vpnet.geometry.rotations import (
    conjugate,
    forward_direction,
    multiply_quaternions,
    roll_angle,
    rotate,
)
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.frame import Frame, align_orientation_to_video, align_to_video
from vpnet.recordings.gaze import detect_fixations

ROW_RATE_HZ = 72
FRAME_RATE_HZ = 30
"""Frames per second of every simulated video."""

VALUE_DECIMALS = 4

TABLE_NAMES = ("head", "eye", "face", "combined")
"""A recording's tables, which are the names of its files."""

CLOCK_COLUMNS = ("Timestamp", "PlaybackTime", "VideoFrame")
QUATERNION_COLUMNS = tuple(f"UnitQuaternion.{axis}" for axis in "xyzw")
POSITION_COLUMNS = tuple(f"HmdPosition.{axis}" for axis in "xyz")
GAZE_COLUMNS = tuple(f"GazeDir.{axis}" for axis in "xyz")
ORIGIN_COLUMNS = tuple(f"GazeOrigin.{axis}" for axis in "xyz")
PUPIL_COLUMNS = ("LeftPupilDiam_NA", "RightPupilDiam_NA")
OPENNESS_COLUMNS = ("LeftOpenness", "RightOpenness")
CONFIDENCE_COLUMNS = ("LeftConfidence", "RightConfidence")
BLINK_COLUMNS = ("BlinkL", "BlinkR")
WEIGHTS_OF_LIDS = {
    "LidTightenerL": "Lid_Tightener_L",
    "LidTightenerR": "Lid_Tightener_R",
    "UpperLidRaiserL": "Upper_Lid_Raiser_L",
    "UpperLidRaiserR": "Upper_Lid_Raiser_R",
}

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "head": (
        *CLOCK_COLUMNS,
        *QUATERNION_COLUMNS,
        *POSITION_COLUMNS,
        *(f"{kind}{angle}" for kind in ("Euler", "Vel") for angle in ("Yaw", "Pitch", "Roll")),
    ),
    "eye": (
        *CLOCK_COLUMNS,
        *GAZE_COLUMNS,
        *ORIGIN_COLUMNS,
        *("GazeYaw", "GazePitch"),
        *PUPIL_COLUMNS,
        *OPENNESS_COLUMNS,
        *BLINK_COLUMNS,
        *WEIGHTS_OF_LIDS,
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

    def changed(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> "QuestProTables":
        """The same change of every table."""
        return QuestProTables(*map(change, self.named().values()))


def rounded_columns(columns: Mapping[str, np.ndarray]) -> dict[str, pl.Series]:
    """Columns, each of shape ``(rows,)``, rounded as they are written; -0.0 becomes 0.0."""
    return {
        name: pl.Series(
            name,
            np.round(values, _decimals_of(name)) + 0.0 if values.dtype.kind == "f" else values,
        )
        for name, values in columns.items()
    }


def with_fixed_decimals(table: pl.DataFrame) -> pl.DataFrame:
    """The same numbers as decimals, which are written to CSV with all their places."""
    return table.with_columns(
        pl.col(name).cast(pl.Decimal(38, _decimals_of(name)))
        for name, dtype in table.schema.items()
        if dtype == pl.Float64
    )


def as_layout_v1(tables: QuestProTables) -> QuestProTables:
    """Convert a recording to layout v1: no video frames, no eyelids, the mean of both pupils."""
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
        eye=eye.drop("VideoFrame", *BLINK_COLUMNS, *WEIGHTS_OF_LIDS),
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

    Columns that can be derived are derived anew, those that are there are overwritten. The eye
    table must have gaze direction and origin, pupils, confidences and BothEyesValid.
    """
    head = _extended(head, _head_columns(head), COLUMNS["head"])
    eye = _extended(eye, _eye_columns(eye, face), COLUMNS["eye"])
    combined = _extended(
        head.select(CLOCK_COLUMNS), _combined_columns(head, eye, face), COLUMNS["combined"]
    )
    return QuestProTables(head, eye, face.select(COLUMNS["face"]), combined)


def wrap_deg(angle_deg: np.ndarray) -> np.ndarray:
    """The same angle in [-180, 180), of any shape."""
    return np.rad2deg(wrap_angle(torch.from_numpy(np.deg2rad(angle_deg))).numpy())


def offset_columns(
    head_yaw_deg: np.ndarray,
    head_pitch_deg: np.ndarray,
    gaze_yaw_deg: np.ndarray,
    gaze_pitch_deg: np.ndarray,
) -> dict[str, np.ndarray]:
    """The summary's columns about the gaze relative to the head, by plain subtraction of angles.

    All have the shape ``(rows,)``; ``head_pitch_deg`` is what is taken for the head's elevation.
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
    """Columns of numbers as a tensor of its own, float64, shape ``(rows, len(columns))``."""
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
    return (
        {"GazeYaw": np.rad2deg(yaw.numpy()), "GazePitch": np.rad2deg(elevation.numpy())}
        | {
            name: np.clip(1 - (one_closed + look_down), 0, 1)
            for name, one_closed in zip(OPENNESS_COLUMNS, closed, strict=True)
        }
        | dict(zip(BLINK_COLUMNS, closed, strict=True))
        | {name: face[weight].to_numpy() for name, weight in WEIGHTS_OF_LIDS.items()}
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


def rows_of(tables: QuestProTables, duration_s: float) -> int:
    """How many rows the headset writes in a time, at least 1."""
    row_s = float(np.median(np.diff(tables.head["Timestamp"].to_numpy())))
    return max(1, round(duration_s / row_s))


def head_orientation(tables: QuestProTables) -> Tensor:
    """Unit quaternions of the head table, shape ``(rows, 4)``."""
    orientation_xyzw = matrix(tables.head, QUATERNION_COLUMNS)
    return torch.nn.functional.normalize(orientation_xyzw, dim=-1)


def gaze_in_head(tables: QuestProTables) -> Tensor:
    """Where the eyes pointed within the head when they were measured, shape ``(rows, 3)``."""
    measured = measured_row(tables)
    gaze = matrix(tables.eye, GAZE_COLUMNS)
    return rotate(conjugate(head_orientation(tables)[measured]), normalize(gaze))


def gaze_tracked(tables: QuestProTables) -> np.ndarray:
    """Rows in which both eyes were measured, booleans, shape ``(rows,)``."""
    return tables.eye["BothEyesValid"].to_numpy() > 0


def measured_row(tables: QuestProTables) -> Tensor:
    """For each row the row whose measurement of the gaze it holds, shape ``(rows,)``."""
    changed = (matrix(tables.eye, GAZE_COLUMNS).diff(dim=0) != 0).any(dim=1)
    row = torch.arange(len(tables.eye))
    begins = torch.cat((changed.new_ones(1), changed))
    return torch.where(begins, row, 0).cummax(0).values


def with_columns(tables: QuestProTables, **columns_of: Mapping[str, np.ndarray]) -> QuestProTables:
    """Other values in some columns, by the names of table and column; nothing is derived anew.

    The tables need not be row-aligned.
    """
    named = tables.named()
    for name, columns in columns_of.items():
        named[name] = named[name].with_columns(**rounded_columns(columns))
    return QuestProTables(**named)


def with_head(tables: QuestProTables, orientation_xyzw: Tensor) -> QuestProTables:
    """Another head, unit quaternions of shape ``(rows, 4)``; the eyes move in it as they did."""
    measured = measured_row(tables)
    turn_xyzw = multiply_quaternions(orientation_xyzw, conjugate(head_orientation(tables)))
    gaze = rotate(turn_xyzw[measured], normalize(matrix(tables.eye, GAZE_COLUMNS)))
    head = _with_vectors(tables.head, QUATERNION_COLUMNS, orientation_xyzw)
    return derive_tables(head, _with_vectors(tables.eye, GAZE_COLUMNS, gaze), tables.face)


def with_gaze_in_head(tables: QuestProTables, in_head: Tensor) -> QuestProTables:
    """Other eyes in the same head: unit vectors as `gaze_in_head` gives them."""
    measured = measured_row(tables)
    gaze = rotate(head_orientation(tables)[measured], in_head[measured])
    return derive_tables(tables.head, _with_vectors(tables.eye, GAZE_COLUMNS, gaze), tables.face)


def with_gaze_of_rows(tables: QuestProTables, rows: np.ndarray) -> QuestProTables:
    """Gaze held from the given row at each row; whether it was tracked is left as it is."""
    gaze = tables.eye.select(GAZE_COLUMNS)[rows]
    return derive_tables(tables.head, tables.eye.with_columns(gaze), tables.face)


def with_gaze_lost(tables: QuestProTables, lost: np.ndarray) -> QuestProTables:
    """Eyes not found in some rows (booleans), in which the last gaze is held."""
    last_seen = np.maximum.accumulate(np.where(lost, 0, np.arange(len(lost))))
    found = pl.Series(~lost).cast(pl.Int64)
    eye = tables.eye.with_columns(tables.eye.select(GAZE_COLUMNS)[last_seen])
    eye = eye.with_columns(pl.col("BothEyesValid", *CONFIDENCE_COLUMNS) * found)
    return derive_tables(tables.head, eye, tables.face)


def with_face_weights(tables: QuestProTables, weights: np.ndarray) -> QuestProTables:
    """Another face: weights in [0, 1], shape ``(rows, 63)``."""
    columns = rounded_columns(dict(zip(FACE_WEIGHTS, weights.T, strict=True)))
    return derive_tables(tables.head, tables.eye, tables.face.with_columns(**columns))


def turned_tables(tables: QuestProTables, frame: Frame) -> QuestProTables:
    """The same viewing recorded in a scene whose video is turned, or mirrored.

    A reader that is given the same frame returns the directions in the frame of the video. The
    face stays as it is.
    """
    # The inverse of the alignment undoes its steps in the reverse order.
    turn, mirror = Frame(-frame.video_yaw_offset_deg), Frame(mirror=frame.mirror)

    def recorded(vectors: Tensor) -> Tensor:
        return align_to_video(align_to_video(vectors, turn), mirror)

    orientation_xyzw = align_orientation_to_video(head_orientation(tables), turn)
    orientation_xyzw = align_orientation_to_video(orientation_xyzw, mirror)
    head = _with_vectors(tables.head, QUATERNION_COLUMNS, orientation_xyzw)
    head = _with_vectors(head, POSITION_COLUMNS, recorded(matrix(head, POSITION_COLUMNS)))
    eye = tables.eye
    for names in (GAZE_COLUMNS, ORIGIN_COLUMNS):
        eye = _with_vectors(eye, names, recorded(matrix(eye, names)))
    return derive_tables(head, eye, tables.face)


def _with_vectors(table: pl.DataFrame, names: tuple[str, ...], vectors: Tensor) -> pl.DataFrame:
    columns = dict(zip(names, vectors.numpy().T, strict=True))
    return table.with_columns(**rounded_columns(columns))
