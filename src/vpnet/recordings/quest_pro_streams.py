"""The streams of a Meta Quest Pro recording, taken from its tables.

Columns, units and defects are those of docs/CONVENTIONS.md, section "Meta Quest Pro recordings".
Pupil, openness and the recorded gaze angles, offsets and fixations are never read: the first two
were not measured (defects 4 and 5), the others are recomputed (defects 1 and 3).
"""

import logging
from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles, great_circle_distance
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS
from vpnet.recordings.quest_pro_rows import matched_rows

QUATERNION_COLUMNS = tuple(f"UnitQuaternion.{axis}" for axis in "xyzw")
EULER_COLUMNS = ("EulerYaw", "EulerPitch")
GAZE_COLUMNS = tuple(f"GazeDir.{axis}" for axis in "xyz")
BLINK_COLUMNS = ("BlinkL", "BlinkR")
UNNAMED_WEIGHTS = tuple(f"Expr_{number}" for number in range(len(FACE_WEIGHTS)))
"""Headers of the face weights where their names were not available."""

QUATERNION_TOLERANCE = 0.02
"""Quaternions this near to unit length are scaled to it: files are rounded to two decimals."""

EULER_TOLERANCE_DEG = 2.0
"""Euler angles further than this from the quaternion (in the median) are reported."""

BLINK_THRESHOLD = 0.5
"""A lid closed further than half covers the pupil, and what the tracker reports is a guess."""

WEIGHT_TOLERANCE = 0.01
"""How far a face weight may be outside [0, 1]."""

_LOGGER = logging.getLogger(__name__)


def head_orientation(head: pl.DataFrame, rows: Tensor, file: str) -> Tensor:
    """Orientation of the head, from the quaternion; Euler angles that disagree are logged.

    Args:
        head: The head table.
        rows: Rows to read, shape ``(samples,)``.
        file: Its file, for messages.

    Returns:
        Unit quaternions (x, y, z, w), shape ``(samples, 4)``.

    Raises:
        InputError: A quaternion is not near unit length.
    """
    recorded_xyzw = _matrix(head, QUATERNION_COLUMNS)[rows]
    length = torch.linalg.vector_norm(recorded_xyzw, dim=-1)
    wrong = torch.nonzero((length - 1).abs() > QUATERNION_TOLERANCE)
    if len(wrong):
        sample = int(wrong[0])
        raise InputError(
            f"{file}, line {FIRST_LINE + int(rows[sample])}: UnitQuaternion must have length 1 "
            f"(within {QUATERNION_TOLERANCE:.0%}), found {recorded_xyzw[sample].tolist()} of "
            f"length {length[sample]:.4f}; mend or delete the line ({len(wrong)} of {len(rows)} "
            "rows are wrong)"
        )
    orientation_xyzw = recorded_xyzw / length.unsqueeze(-1)
    if set(EULER_COLUMNS) <= set(head.columns):
        yaw_rad, pitch_rad = torch.deg2rad(_matrix(head, EULER_COLUMNS)[rows]).unbind(dim=-1)
        # Unity's pitch is positive down.
        apart_rad = great_circle_distance(
            direction_from_angles(yaw_rad, -pitch_rad), forward_direction(orientation_xyzw)
        )
        apart_deg = float(torch.rad2deg(apart_rad).median())
        if apart_deg > EULER_TOLERANCE_DEG:
            _LOGGER.warning(
                "%s: EulerYaw and EulerPitch are %.1f degrees (median) from where UnitQuaternion "
                "points; the quaternion is used",
                file,
                apart_deg,
            )
    return orientation_xyzw


def gaze_samples(
    head: pl.DataFrame, eye: pl.DataFrame, rows: Tensor, file: str
) -> tuple[Tensor, Tensor]:
    """Eye-in-world directions and which of them were measured (defect 7).

    Invalid is gaze with BothEyesValid 0, with confidence 0 in either eye, or during a blink.

    Args:
        head: The head table.
        eye: The eye table; layout v1 has no blink columns.
        rows: Rows of the head table, shape ``(samples,)``.
        file: The eye table's file, for messages.

    Returns:
        Directions as recorded, zero where the row is missing, shape ``(samples, 3)``, and booleans,
        shape ``(samples,)``.

    Raises:
        InputError: The table belongs to another recording.
    """
    measured = (
        (pl.col("BothEyesValid") > 0)
        & (pl.col("LeftConfidence") > 0)
        & (pl.col("RightConfidence") > 0)
    )
    for name in BLINK_COLUMNS:
        if name in eye.columns:
            measured = measured & (pl.col(name) <= BLINK_THRESHOLD)
    matched = matched_rows(head, eye, rows, file)
    return _matrix(matched, GAZE_COLUMNS), _mask(matched, measured)


def face_samples(
    head: pl.DataFrame, face: pl.DataFrame, rows: Tensor, file: str
) -> tuple[Tensor, tuple[str, ...], Tensor]:
    """Face weights with their mean as a 64th column, their names, and which were measured.

    FaceIsValid can be 1 while all weights are exactly 0: tracking was lost (defect 6).

    Args:
        head: The head table.
        face: The face table, its weights headed by name or Expr_0 to Expr_62.
        rows: Rows of the head table, shape ``(samples,)``.
        file: The face table's file, for messages.

    Returns:
        Weights, zero where the row is missing, shape ``(samples, 64)``; names; booleans, shape
        ``(samples,)``.

    Raises:
        InputError: A weight is outside [0, 1], or the table belongs to another recording.
    """
    columns = face_columns(face.columns)
    recorded = _matrix(face, columns)
    wrong = torch.nonzero((recorded < -WEIGHT_TOLERANCE) | (recorded > 1 + WEIGHT_TOLERANCE))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(
            f"{file}, line {FIRST_LINE + row}, column {columns[column]}: face weights must lie in "
            f"[0, 1], found {recorded[row, column]:g}; if they are percentages, divide them by 100"
        )
    matched = matched_rows(head, face, rows, file)
    weights = _matrix(matched, columns)
    valid = _mask(matched, pl.col("FaceIsValid") > 0) & (weights != 0).any(dim=-1)
    weights = torch.cat((weights, weights.mean(dim=-1, keepdim=True)), dim=-1)
    return weights, (*FACE_WEIGHTS, FACE_ACTIVITY), valid


def face_columns(names: Sequence[str]) -> tuple[str, ...]:
    """The headers under which a face table holds the 63 weights: their names, or numbers."""
    return UNNAMED_WEIGHTS if UNNAMED_WEIGHTS[0] in names else FACE_WEIGHTS


def _matrix(table: pl.DataFrame, columns: Sequence[str]) -> Tensor:
    values = table.select(pl.col(columns).cast(pl.Float64).fill_null(0.0))
    return torch.from_numpy(values.to_numpy(writable=True))


def _mask(table: pl.DataFrame, condition: pl.Expr) -> Tensor:
    """Rows that meet a condition; a missing row meets none."""
    mask = table.select(condition.fill_null(False)).to_series()
    return torch.from_numpy(mask.to_numpy(writable=True))
