"""The streams of a Meta Quest Pro recording, taken from its tables.

Columns, units and defects are those of docs/CONVENTIONS.md, section "Meta Quest Pro recordings".
Pupil and openness are never read: they were not measured (defects 4 and 5). What the headset
derived, offsets and fixations, is recomputed (defects 1 and 3); `recorded` reads it.
"""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import direction_from_angles, great_circle_distance
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS
from vpnet.recordings.findings import Finding, Rule, Severity, line_ranges
from vpnet.recordings.orientation_agreement import IDENTITY_XYZW
from vpnet.recordings.refusals import EULER_DISAGREES, FACE_OUT_OF_RANGE, QUATERNION_NOT_UNIT

QUATERNION_COLUMNS = tuple(f"UnitQuaternion.{axis}" for axis in "xyzw")
EULER_COLUMNS = ("EulerYaw", "EulerPitch")
GAZE_COLUMNS = tuple(f"GazeDir.{axis}" for axis in "xyz")
BLINK_COLUMNS = ("BlinkL", "BlinkR")
UNNAMED_WEIGHTS = tuple(f"Expr_{number}" for number in range(len(FACE_WEIGHTS)))
"""Headers of the face weights where their names were not available."""

QUATERNION_TOLERANCE = 0.02
"""Quaternions this near to unit length are scaled to it: files are rounded to two decimals."""

EULER_TOLERANCE_DEG = 2.0
"""Euler angles further than this from the quaternion (in the median) are of something else."""

BLINK_THRESHOLD = 0.5
"""A lid closed further than half covers the pupil, and what the tracker reports is a guess."""

WEIGHT_TOLERANCE = 0.01
"""How far a face weight may be outside [0, 1]."""

PITCH_SIGN = Rule(
    "pitch_sign",
    Severity.NOTE,
    "EulerPitch is positive up",
    meaning="The headset's own EulerPitch is positive down: this file was made by other software. "
    "The head is read from the quaternion and is right.",
    remedy="leave it so, and do not mix EulerPitch of this file with that of others",
)
WEIGHTS_UNNAMED = Rule(
    "weights_unnamed",
    Severity.NOTE,
    "Face weights are numbered",
    meaning="The header has Expr_0 to Expr_62 in place of names; they are named in the headset's "
    "order.",
    remedy="leave it so",
)


def head_orientation(
    head: pl.DataFrame, rows: Tensor, file: str, findings: list[Finding]
) -> tuple[Tensor, Tensor]:
    """Orientation of the head, from the quaternion, which Euler angles should agree with.

    Args:
        head: The head table; Euler angles where they were recorded.
        rows: Rows to read, shape ``(samples,)``.
        file: Its file, for messages.
        findings: Quaternions that are none and angles that disagree are added here.

    Returns:
        Unit quaternions (x, y, z, w), shape ``(samples, 4)``, those that were lost the identity;
        and booleans, which were measured, shape ``(samples,)``.
    """
    recorded_xyzw = _matrix(head, QUATERNION_COLUMNS)[rows]
    length = torch.linalg.vector_norm(recorded_xyzw, dim=-1)
    valid = (length - 1).abs() <= QUATERNION_TOLERANCE
    if not valid.all():
        wrong = torch.nonzero(~valid).squeeze(-1)
        findings.append(
            QUATERNION_NOT_UNIT.broken(
                f"UnitQuaternion must have length 1 (within {QUATERNION_TOLERANCE:.0%}), which "
                f"{len(wrong)} of {len(rows)} rows have not, found "
                f"{recorded_xyzw[wrong[0]].tolist()} of length {length[wrong[0]]:.4f}",
                file=file,
                lines=line_ranges(rows[wrong].tolist(), FIRST_LINE),
                rows=len(wrong),
            )
        )
    lost = recorded_xyzw.new_tensor(IDENTITY_XYZW)
    orientation_xyzw = torch.where(valid.unsqueeze(-1), recorded_xyzw / length.unsqueeze(-1), lost)
    if set(EULER_COLUMNS) <= set(head.columns):
        angles_rad = torch.deg2rad(_matrix(head, EULER_COLUMNS)[rows])
        compared = valid & angles_rad.isfinite().all(dim=-1)
        if compared.any():
            forward = forward_direction(orientation_xyzw[compared])
            _compare_euler(angles_rad[compared], forward, file, findings)
    return orientation_xyzw, valid


def _compare_euler(angles_rad: Tensor, forward: Tensor, file: str, findings: list[Finding]) -> None:
    """Compare yaw and pitch with where the quaternion points; Unity's pitch is positive down."""
    yaw_rad, pitch_rad = angles_rad.unbind(dim=-1)
    down_deg, up_deg = (
        float(torch.rad2deg(great_circle_distance(one, forward).quantile(0.9)))
        for one in (
            direction_from_angles(yaw_rad, -pitch_rad),
            direction_from_angles(yaw_rad, pitch_rad),
        )
    )
    if down_deg <= EULER_TOLERANCE_DEG:
        return
    rule = PITCH_SIGN if up_deg < EULER_TOLERANCE_DEG else EULER_DISAGREES
    findings.append(
        rule.broken(
            "EulerYaw and EulerPitch (positive down) must agree with UnitQuaternion within "
            f"{EULER_TOLERANCE_DEG:g} degrees in nine rows of ten, found {down_deg:.1f}; with "
            f"EulerPitch taken as positive up {up_deg:.1f}",
            file=file,
        )
    )


def gaze_samples(eye: pl.DataFrame, matched: pl.Series) -> tuple[Tensor, Tensor]:
    """Eye-in-world directions and which of them were measured (defect 7).

    Invalid is gaze with BothEyesValid 0, with confidence 0 in either eye, or during a blink.

    Args:
        eye: The eye table; layout v1 has no blink columns.
        matched: Its row for each sample, null where there is none, shape ``(samples,)``.

    Returns:
        Directions as recorded, zero where the row is missing, shape ``(samples, 3)``, and booleans,
        shape ``(samples,)``.
    """
    measured = (
        (pl.col("BothEyesValid") > 0)
        & (pl.col("LeftConfidence") > 0)
        & (pl.col("RightConfidence") > 0)
    )
    for name in BLINK_COLUMNS:
        if name in eye.columns:
            measured = measured & (pl.col(name) <= BLINK_THRESHOLD)
    samples = eye.select(pl.all().gather(matched))
    return _matrix(samples, GAZE_COLUMNS), _mask(samples, measured)


def named_weights(face: pl.DataFrame, file: str, findings: list[Finding]) -> pl.DataFrame:
    """A face table with its weights named.

    Args:
        face: The face table, its weights headed by name or Expr_0 to Expr_62.
        file: Its file, for messages.
        findings: That they were numbered is added here.
    """
    if UNNAMED_WEIGHTS[0] not in face.columns:
        return face
    findings.append(
        WEIGHTS_UNNAMED.broken("the weights must have names, found Expr_0 to Expr_62", file=file)
    )
    return face.rename(dict(zip(UNNAMED_WEIGHTS, FACE_WEIGHTS, strict=True)))


def face_samples(
    face: pl.DataFrame, matched: pl.Series, file: str, findings: list[Finding]
) -> tuple[Tensor, tuple[str, ...], Tensor]:
    """Face weights with their mean as a 64th column, their names, and which were measured.

    FaceIsValid can be 1 while all weights are exactly 0: tracking was lost (defect 6).

    Args:
        face: The face table, its weights named.
        matched: Its row for each sample, null where there is none, shape ``(samples,)``.
        file: The face table's file, for messages.
        findings: Weights outside [0, 1] are added here.

    Returns:
        Weights, zero where they are missing or no weights, shape ``(samples, 64)``; names;
        booleans, shape ``(samples,)``.
    """
    samples = face.select(pl.all().gather(matched))
    weights = _matrix(samples, FACE_WEIGHTS)
    wrong = (weights < -WEIGHT_TOLERANCE) | (weights > 1 + WEIGHT_TOLERANCE)
    if wrong.any():
        sample, column = torch.nonzero(wrong)[0].tolist()
        wrong_rows = matched.filter(pl.Series(wrong.any(dim=-1).numpy()))
        findings.append(
            FACE_OUT_OF_RANGE.broken(
                f"column {FACE_WEIGHTS[column]}: face weights must lie in [0, 1], found "
                f"{weights[sample, column]:g}",
                file=file,
                lines=line_ranges(wrong_rows.to_list(), FIRST_LINE),
                rows=len(wrong_rows),
            )
        )
        weights = weights.masked_fill(wrong.any(dim=-1, keepdim=True), 0.0)
    valid = _mask(samples, pl.col("FaceIsValid") > 0) & (weights != 0).any(dim=-1)
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
