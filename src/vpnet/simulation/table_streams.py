"""Simulated tables with another head, gaze or face in the place of what was measured.

All that the headset derives from them is derived anew, unless said otherwise, and for that the
tables must be row-aligned.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import normalize
from vpnet.geometry.rotations import conjugate, multiply_quaternions, rotate
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.frame import Frame, align_orientation_to_video, align_to_video
from vpnet.simulation.table_columns import (
    CONFIDENCE_COLUMNS,
    GAZE_COLUMNS,
    QUATERNION_COLUMNS,
    QuestProTables,
    derive_tables,
    matrix,
    rounded_columns,
)

POSITION_COLUMNS = {
    table: tuple(f"{name}.{axis}" for axis in "xyz")
    for table, name in (("head", "HmdPosition"), ("eye", "GazeOrigin"))
}


def rows_of(tables: QuestProTables, duration_s: float) -> int:
    """How many rows the headset writes in a time, at least 1.

    Args:
        tables: Tables whose Timestamp runs.
        duration_s: The time.
    """
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
    """Other values in some columns; nothing is derived anew.

    Args:
        tables: Tables, which need not be row-aligned.
        columns_of: By the name of the table, then of the column, values of shape ``(rows,)``.
    """
    named = tables.named()
    for name, columns in columns_of.items():
        named[name] = named[name].with_columns(**rounded_columns(columns))
    return QuestProTables(**named)


def with_head(tables: QuestProTables, orientation_xyzw: Tensor) -> QuestProTables:
    """The head turned otherwise; the eyes move within it as they did.

    Args:
        tables: Tables that are row-aligned.
        orientation_xyzw: Unit quaternions, shape ``(rows, 4)``.
    """
    measured = measured_row(tables)
    turn_xyzw = multiply_quaternions(orientation_xyzw, conjugate(head_orientation(tables)))
    gaze = rotate(turn_xyzw[measured], normalize(matrix(tables.eye, GAZE_COLUMNS)))
    head = _with_vectors(tables.head, QUATERNION_COLUMNS, orientation_xyzw)
    return derive_tables(head, _with_vectors(tables.eye, GAZE_COLUMNS, gaze), tables.face)


def with_gaze_in_head(tables: QuestProTables, in_head: Tensor) -> QuestProTables:
    """Other eyes in the same head.

    Args:
        tables: Tables that are row-aligned.
        in_head: Unit vectors in the head's frame, as `gaze_in_head` gives them.
    """
    measured = measured_row(tables)
    gaze = rotate(head_orientation(tables)[measured], in_head[measured])
    return derive_tables(tables.head, _with_vectors(tables.eye, GAZE_COLUMNS, gaze), tables.face)


def with_gaze_of_rows(tables: QuestProTables, rows: np.ndarray) -> QuestProTables:
    """Gaze held from other rows; whether it was tracked is left as it is.

    Args:
        tables: Tables that are row-aligned.
        rows: For each row the row whose gaze it shows, shape ``(rows,)``.
    """
    gaze = tables.eye.select(GAZE_COLUMNS)[rows]
    return derive_tables(tables.head, tables.eye.with_columns(gaze), tables.face)


def with_gaze_lost(tables: QuestProTables, lost: np.ndarray) -> QuestProTables:
    """Eyes not found in some rows, in which the last gaze is held.

    Args:
        tables: Tables that are row-aligned.
        lost: Booleans, shape ``(rows,)``.
    """
    last_seen = np.maximum.accumulate(np.where(lost, 0, np.arange(len(lost))))
    found = pl.Series(~lost).cast(pl.Int64)
    eye = tables.eye.with_columns(tables.eye.select(GAZE_COLUMNS)[last_seen])
    eye = eye.with_columns(pl.col("BothEyesValid", *CONFIDENCE_COLUMNS) * found)
    return derive_tables(tables.head, eye, tables.face)


def with_face_weights(tables: QuestProTables, weights: np.ndarray) -> QuestProTables:
    """Another face.

    Args:
        tables: Tables that are row-aligned.
        weights: In [0, 1], shape ``(rows, 63)``.
    """
    columns = rounded_columns(dict(zip(FACE_WEIGHTS, weights.T, strict=True)))
    return derive_tables(tables.head, tables.eye, tables.face.with_columns(**columns))


def turned_tables(tables: QuestProTables, frame: Frame) -> QuestProTables:
    """The same viewing recorded in a scene whose video is turned, or mirrored.

    A reader that is given the same frame returns the directions in the frame of the video. The
    face stays as it is.

    Args:
        tables: Tables that are row-aligned.
        frame: What readers of these tables need.
    """
    # The inverse of the alignment undoes its steps in the reverse order.
    turn, mirror = Frame(-frame.video_yaw_offset_deg), Frame(mirror=frame.mirror)

    def recorded(vectors: Tensor) -> Tensor:
        return align_to_video(align_to_video(vectors, turn), mirror)

    orientation_xyzw = align_orientation_to_video(head_orientation(tables), turn)
    orientation_xyzw = align_orientation_to_video(orientation_xyzw, mirror)
    head = _with_vectors(tables.head, QUATERNION_COLUMNS, orientation_xyzw)
    eye = _with_vectors(tables.eye, GAZE_COLUMNS, recorded(matrix(tables.eye, GAZE_COLUMNS)))
    head, eye = (
        _with_vectors(table, names, recorded(matrix(table, names)))
        for table, names in zip((head, eye), POSITION_COLUMNS.values(), strict=True)
    )
    return derive_tables(head, eye, tables.face)


def _with_vectors(table: pl.DataFrame, names: tuple[str, ...], vectors: Tensor) -> pl.DataFrame:
    columns = dict(zip(names, vectors.numpy().T, strict=True))
    return table.with_columns(**rounded_columns(columns))
