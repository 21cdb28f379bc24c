"""The tables of a Meta Quest Pro recording, read by column name, and the streams they hold.

Columns, units and defects are those of docs/CONVENTIONS.md, section "Meta Quest Pro recordings".
What cannot be read is noted, and the other tables are read nevertheless. Pupil and openness are no
streams: they were not measured (defects 4 and 5). What the headset derived, offsets and fixations,
is recomputed (defects 1 and 3); `vpnet.quest_pro.reader` reads it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import direction_from_angles, great_circle_distance
from vpnet.geometry.rotations import IDENTITY_XYZW, forward_direction
from vpnet.quest_pro.files import QuestProFiles, RawTables
from vpnet.recordings.csv_table import FIRST_LINE, UnreadableTable, read_csv_table
from vpnet.recordings.face import FACE_ACTIVITY, FACE_WEIGHTS
from vpnet.recordings.findings import RULES, Finding, line_ranges

QUATERNION_COLUMNS = tuple(f"UnitQuaternion.{axis}" for axis in "xyzw")
EULER_COLUMNS = ("EulerYaw", "EulerPitch")
GAZE_COLUMNS = tuple(f"GazeDir.{axis}" for axis in "xyz")
BLINK_COLUMNS = ("BlinkL", "BlinkR")
FIXATION_COLUMNS = ("IsFixating", "FixationDurationMs")
OFFSET_COLUMNS = ("GazeRelativeH", "GazeRelativeV", "EyeHeadOffset")
UNNAMED_WEIGHTS = tuple(f"Expr_{number}" for number in range(len(FACE_WEIGHTS)))
"""Headers of the face weights where their names were not available."""

FRAME_COLUMN = "VideoFrame"
HEAD_COLUMNS = ("PlaybackTime", *QUATERNION_COLUMNS)
HEAD_EXTRAS = (
    *(f"HmdPosition.{axis}" for axis in "xyz"),
    *("EulerYaw", "EulerPitch", "EulerRoll", "VelYaw", "VelPitch", "VelRoll"),
)
EYE_COLUMNS = (*GAZE_COLUMNS, "LeftConfidence", "RightConfidence", "BothEyesValid")
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

QUATERNION_TOLERANCE = 0.02
"""Quaternions this near to unit length are scaled to it: files are rounded to two decimals."""

EULER_TOLERANCE_DEG = 2.0
"""Euler angles further than this from the quaternion, in nine rows of ten, do not belong to it."""

BLINK_THRESHOLD = 0.5
"""A lid closed further than half covers the pupil, and what the tracker reports is a guess."""

WEIGHT_TOLERANCE = 0.01
"""How far a face weight may be outside [0, 1]."""


def read_tables(files: QuestProFiles, findings: list[Finding]) -> RawTables | None:
    """The tables of one recording; None where the head's is missing or cannot be read.

    Files that are missing, damaged or unreadable are added to ``findings``.
    """
    if not files.present:
        others = ", ".join(file.name for file in files.others)
        findings.append(
            RULES["unreadable"].broken(
                "a recording's files must be called head.csv, eye.csv, face.csv and combined.csv, "
                f"found only {others}",
                file=files.source,
                remedy="rename them, or leave the recording out",
            )
        )
        return None
    present = ", ".join(file.name for file in files.present)
    for file, code, found in (
        (files.head, "head_missing", f"a recording needs head.csv, found only {present}"),
        (files.eye, "eye_missing", "eye.csv is missing, the recording has no gaze"),
        (files.face, "face_missing", "face.csv is missing, the recording has no face"),
    ):
        if file is None:
            findings.append(RULES[code].broken(found, file=files.source))
    without = "or remove the file to read the recording without"
    head, eye, face, combined = (
        _table(file, needed, extras, code, otherwise, findings)
        for file, needed, extras, code, otherwise in (
            (files.head, _head_columns, HEAD_EXTRAS, "unreadable", "or leave the recording out"),
            (files.eye, EYE_COLUMNS, EYE_EXTRAS, "gaze_unreadable", f"{without} gaze"),
            (files.face, _face_columns, (), "face_unreadable", f"{without} face"),
            (files.combined, (), COMBINED_EXTRAS, "combined_unreadable", "or leave it as it is"),
        )
    )
    if face is not None:
        face = named_weights(face, str(files.face), findings)
    return None if head is None else RawTables(head, eye, face, combined, files)


def _head_columns(header: Sequence[str]) -> Sequence[str]:
    """Layout v1 has no VideoFrame; where it is, which rows count depends on every value of it."""
    return (*HEAD_COLUMNS, FRAME_COLUMN) if FRAME_COLUMN in header else HEAD_COLUMNS


def _face_columns(header: Sequence[str]) -> Sequence[str]:
    return ("FaceIsValid", *(UNNAMED_WEIGHTS if UNNAMED_WEIGHTS[0] in header else FACE_WEIGHTS))


def _table(
    file: Path | None,
    needed: Sequence[str] | Callable[[Sequence[str]], Sequence[str]],
    extras: Sequence[str],
    code: str,
    otherwise: str,
    findings: list[Finding],
) -> pl.DataFrame | None:
    """One table; where it cannot be read, a finding of this code that ends with ``otherwise``."""
    if file is None:
        return None
    try:
        table = read_csv_table(file, needed, ("Timestamp",), optional=extras, findings=findings)
        return _with_timestamps(table, file)
    except UnreadableTable as error:
        findings.append(error.finding(RULES[code], otherwise))
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
            "fix the value or delete the line",
            line=FIRST_LINE + row,
            column="Timestamp",
        )
    return table


def named_weights(face: pl.DataFrame, file: str, findings: list[Finding]) -> pl.DataFrame:
    """A face table with its weights named, which the headset may have numbered (a finding)."""
    if UNNAMED_WEIGHTS[0] not in face.columns:
        return face
    findings.append(
        RULES["weights_unnamed"].broken(
            "the weights must have names, found Expr_0 to Expr_62", file=file
        )
    )
    return face.rename(dict(zip(UNNAMED_WEIGHTS, FACE_WEIGHTS, strict=True)))


def head_orientation(
    head: pl.DataFrame, rows: Tensor, file: str, findings: list[Finding]
) -> tuple[Tensor, Tensor]:
    """Orientation of the head, from the quaternion, which Euler angles should agree with.

    Args:
        head: The head table; Euler angles where they were recorded.
        rows: Rows to read, shape ``(samples,)``.
        file: Its name, for messages.
        findings: Vectors that are no unit quaternions and angles that disagree are added here.

    Returns:
        Unit quaternions (x, y, z, w), shape ``(samples, 4)``, the identity where the head was lost;
        and booleans, which were measured, shape ``(samples,)``.
    """
    recorded_xyzw = matrix(head, QUATERNION_COLUMNS)[rows]
    length = torch.linalg.vector_norm(recorded_xyzw, dim=-1)
    valid = (length - 1).abs() <= QUATERNION_TOLERANCE
    if not valid.all():
        wrong = torch.nonzero(~valid).squeeze(-1)
        findings.append(
            RULES["quaternion_not_unit"].broken(
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
        angles_rad = torch.deg2rad(matrix(head, EULER_COLUMNS)[rows])
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
    rule = RULES["pitch_sign"] if up_deg < EULER_TOLERANCE_DEG else RULES["euler_disagrees"]
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
    return matrix(samples, GAZE_COLUMNS), _mask(samples, measured)


def face_samples(
    face: pl.DataFrame, matched: pl.Series, file: str, findings: list[Finding]
) -> tuple[Tensor, tuple[str, ...], Tensor]:
    """Face weights with their mean as a 64th column, their names, and which were measured.

    FaceIsValid can be 1 while all weights are exactly 0: tracking was lost (defect 6). Weights
    outside [0, 1] are added to ``findings``. ``matched`` is as in `gaze_samples`.

    Returns:
        Weights, zero where they are missing or out of range, shape ``(samples, 64)``; names;
        booleans, shape ``(samples,)``.
    """
    samples = face.select(pl.all().gather(matched))
    weights = matrix(samples, FACE_WEIGHTS)
    wrong = (weights < -WEIGHT_TOLERANCE) | (weights > 1 + WEIGHT_TOLERANCE)
    if wrong.any():
        sample, column = torch.nonzero(wrong)[0].tolist()
        wrong_rows = matched.filter(pl.Series(wrong.any(dim=-1).numpy()))
        findings.append(
            RULES["face_out_of_range"].broken(
                f"column {FACE_WEIGHTS[column]}: face weights must be in [0, 1], found "
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


def matrix(table: pl.DataFrame, columns: Sequence[str], missing: float = 0.0) -> Tensor:
    """Columns of a table, float64, shape ``(rows, columns)``; ``missing`` where a value is null."""
    values = table.select(pl.col(columns).cast(pl.Float64).fill_null(missing))
    return torch.from_numpy(values.to_numpy(writable=True))


def _mask(table: pl.DataFrame, condition: pl.Expr) -> Tensor:
    """Rows that meet a condition; a missing row meets none."""
    mask = table.select(condition.fill_null(False)).to_series()
    return torch.from_numpy(mask.to_numpy(writable=True))
