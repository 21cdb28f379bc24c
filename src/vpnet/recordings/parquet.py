"""Recordings in one parquet file, a row per sample: vpnet's own exchange format.

Columns: user, video (text); t (playback time in seconds); head_x, head_y, head_z (unit vector,
world frame); optionally gaze_x to gaze_z (likewise), gaze_valid (boolean) and quat_x to quat_w (the
head's orientation). An empty value (null) is a sample that was not measured; a column that is empty
throughout a recording is a stream that this recording lacks. docs/CONVENTIONS.md has the table.

Files found elsewhere hold the quaternion in the frame of the headset that wrote it. It is kept only
where it agrees with the head direction, and then gives the roll.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import FORWARD, great_circle_distance
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.assembly import assemble_recording
from vpnet.recordings.recording import AGREEMENT_TOLERANCE_DEG, Recording
from vpnet.whole_files import whole_file

HEAD = ("head_x", "head_y", "head_z")
GAZE = ("gaze_x", "gaze_y", "gaze_z")
ORIENTATION = ("quat_x", "quat_y", "quat_z", "quat_w")
IDENTITY_XYZW = (0.0, 0.0, 0.0, 1.0)

LENGTH_TOLERANCE = 0.01
"""Vectors this near to unit length are scaled to it: files are rounded."""

_LOGGER = logging.getLogger(__name__)


def read_parquet(
    path: str | Path,
    *,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    max_gaze_offset_deg: float | None = 60.0,
    velocity_threshold_deg_s: float = 30.0,
    max_quaternion_disagreement_deg: float = AGREEMENT_TOLERANCE_DEG,
) -> list[Recording]:
    """All recordings of a file, in the order in which they first appear.

    Args:
        path: The file.
        video_yaw_offset_deg: Added to the yaw of head and gaze, after the mirror.
        mirror: Whether left and right are exchanged.
        max_gaze_offset_deg: Gaze further than this from the head's axis is marked invalid; None
            keeps it.
        velocity_threshold_deg_s: Slower gaze is a fixation.
        max_quaternion_disagreement_deg: A recording whose quaternions point further than this from
            its head direction, at any sample, loses them; in [0, 0.5].

    Raises:
        InputError: The file is no such parquet file, or a row breaks a rule.
    """
    if not 0 <= max_quaternion_disagreement_deg <= AGREEMENT_TOLERANCE_DEG:
        raise InputError(
            "max_quaternion_disagreement_deg must be an angle in [0, "
            f"{AGREEMENT_TOLERANCE_DEG}], got {max_quaternion_disagreement_deg}"
        )
    source = str(path)
    table = _read_table(source)
    timestamps_s = torch.from_numpy(table["t"].to_numpy(writable=True))
    head, head_valid = _vectors(table, HEAD, FORWARD, source)
    gaze = orientation = None
    if GAZE[0] in table.columns:
        gaze = _vectors(table, GAZE, FORWARD, source, mask="gaze_valid")
    if ORIENTATION[0] in table.columns:
        orientation = _vectors(table, ORIENTATION, IDENTITY_XYZW, source)

    recordings = []
    disagreeing = 0
    groups = table.select("user", "video").with_row_index("row")
    for group in groups.partition_by("user", "video", maintain_order=True):
        rows = torch.from_numpy(group["row"].to_numpy().astype(np.int64))
        orientation_xyzw = gaze_direction = gaze_valid = None
        if orientation is not None and orientation[1][rows].any():
            orientation_xyzw = _agreeing_orientation(
                orientation[0][rows],
                orientation[1][rows],
                head[rows],
                head_valid[rows],
                max_quaternion_disagreement_deg,
            )
            disagreeing += orientation_xyzw is None
        if gaze is not None and gaze[1][rows].any():
            gaze_direction, gaze_valid = gaze[0][rows], gaze[1][rows]
        recordings.append(
            assemble_recording(
                group["user"][0],
                group["video"][0],
                source,
                timestamps_s[rows],
                head[rows],
                first_line=1 + int(rows[0]),
                head_valid=head_valid[rows],
                head_orientation_xyzw=orientation_xyzw,
                gaze_direction=gaze_direction,
                gaze_valid=gaze_valid,
                video_yaw_offset_deg=video_yaw_offset_deg,
                mirror=mirror,
                max_gaze_offset_deg=max_gaze_offset_deg,
                velocity_threshold_deg_s=velocity_threshold_deg_s,
            )
        )
    if disagreeing:
        _LOGGER.warning(
            "%s: the quaternions of %d of %d recordings are missing in places or point more than "
            "%g degrees from the head direction; they are left out, and with them the roll",
            source,
            disagreeing,
            len(recordings),
            max_quaternion_disagreement_deg,
        )
    return recordings


def write_parquet(recordings: Sequence[Recording], path: str | Path) -> None:
    """Write recordings to one file that `read_parquet` reads.

    Kept are the clock, head, orientation and gaze with their masks; offsets and fixations are
    computed again on reading, and the face has no columns here (a warning says so).

    Args:
        recordings: What to write, each pair of user and video once.
        path: The file; it appears only when it is complete.

    Raises:
        InputError: There is nothing to write, or a pair of user and video comes twice.
    """
    if not recordings:
        raise InputError(f"{path}: there are no recordings to write; check where they come from")
    seen: set[tuple[str, str]] = set()
    for recording in recordings:
        key = (recording.user_id, recording.video_id)
        if key in seen:
            raise InputError(
                f"{path}: one file holds a user's recording of a video once, found user "
                f"{key[0]!r} and video {key[1]!r} twice; give one of them another name"
            )
        seen.add(key)
    faces = sum(recording.face is not None for recording in recordings)
    if faces:
        _LOGGER.warning(
            "%s: the face of %d of %d recordings is left out, the format has no columns for it",
            path,
            faces,
            len(recordings),
        )
    table = pl.concat([_rows(recording) for recording in recordings])
    table = table.drop(
        name for name in (*GAZE, *ORIENTATION) if table[name].null_count() == len(table)
    )
    with whole_file(path) as temporary:
        table.write_parquet(temporary)


def _rows(recording: Recording) -> pl.DataFrame:
    def columns(names: Sequence[str], vectors: Tensor | None, mask: Tensor) -> dict:
        if vectors is None:
            return {name: pl.Series([None] * recording.samples, dtype=pl.Float64) for name in names}
        marked = torch.where(mask.unsqueeze(-1), vectors, torch.nan).T
        values = {}
        for name, component in zip(names, marked, strict=True):
            values[name] = pl.Series(component.contiguous().numpy()).fill_nan(None)
        return values

    head_valid = recording.head_valid
    gaze_valid = head_valid if recording.gaze_valid is None else recording.gaze_valid
    return pl.DataFrame(
        {
            "user": [recording.user_id] * recording.samples,
            "video": [recording.video_id] * recording.samples,
            "t": recording.timestamps_s.numpy(),
            **columns(HEAD, recording.viewport_center, head_valid),
            **columns(GAZE, recording.gaze_direction, gaze_valid & head_valid),
            **columns(ORIENTATION, recording.head_orientation_xyzw, head_valid),
        }
    )


def _read_table(source: str) -> pl.DataFrame:
    """The file's columns that mean something here: ids as text, numbers as float64."""
    try:
        names = set(pl.read_parquet_schema(source))
        _check_columns(names, source)
        wanted = ("user", "video", "t", *HEAD, *GAZE, *ORIENTATION, "gaze_valid")
        table = pl.read_parquet(source, columns=[name for name in wanted if name in names])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{source}: the parquet file cannot be read ({error}); check the path, or write the "
            "file again"
        ) from error
    if len(table) == 0:
        raise InputError(f"{source}: the file has no rows; write it again")
    number = pl.col([name for name in table.columns if name in ("t", *HEAD, *GAZE, *ORIENTATION)])
    try:
        # The decimals that a float32 prints as are those that were meant: 49.3, not 49.29999924.
        if table.schema["t"] == pl.Float32:
            table = table.with_columns(pl.col("t").cast(pl.String))
        table = table.with_columns(number.cast(pl.Float64), pl.col("user", "video").cast(pl.String))
        if "gaze_valid" in table.columns:
            table = table.with_columns(pl.col("gaze_valid").cast(pl.Boolean).fill_null(False))
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{source}: the columns must hold numbers, and gaze_valid booleans: {error}; write the "
            "file again"
        ) from error
    for name in ("user", "video", "t"):
        wrong = table[name].is_null()
        if name == "t":
            wrong = wrong | ~table[name].is_finite().fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise InputError(
                f"{source}, row {row + 1}, column {name}: every row must have a value, found "
                f"{table[name][row]}; mend or delete the row"
            )
    return table


def _check_columns(names: set[str], source: str) -> None:
    required = {"user", "video", "t", *HEAD}
    for group in (GAZE, ORIENTATION):
        if names & set(group):
            required |= set(group)
    if "gaze_valid" in names:
        required |= set(GAZE)
    absent = sorted(required - names)
    if absent:
        raise InputError(
            f"{source}: the file lacks the columns {', '.join(absent)}, found "
            f"{', '.join(sorted(names))}; docs/CONVENTIONS.md has the table of columns"
        )


def _vectors(
    table: pl.DataFrame,
    columns: Sequence[str],
    placeholder: tuple[float, ...],
    source: str,
    mask: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Unit vectors of all rows, and which were measured; the others hold the placeholder."""
    empty = table.select(pl.all_horizontal(pl.col(columns).is_null())).to_series()
    measured = torch.from_numpy((~empty).to_numpy(writable=True))
    if mask is not None and mask in table.columns:
        measured &= torch.from_numpy(table[mask].to_numpy(writable=True))
    values = torch.from_numpy(table.select(columns).to_numpy(writable=True))
    length = torch.linalg.vector_norm(values, dim=-1)
    # A length that is not a number compares as False.
    wrong = measured & ~((length - 1).abs() <= LENGTH_TOLERANCE)
    if wrong.any():
        row = int(torch.nonzero(wrong)[0])
        raise InputError(
            f"{source}, row {row + 1}, columns {columns[0]} to {columns[-1]}: the values must be a "
            f"vector of length 1 (within {LENGTH_TOLERANCE:.0%}), or all empty for a sample that "
            f"was not measured, found {list(table.select(columns).row(row))}; mend the row "
            f"({int(wrong.sum())} rows are wrong)"
        )
    unit = torch.nn.functional.normalize(values, dim=-1)
    return torch.where(measured.unsqueeze(-1), unit, unit.new_tensor(placeholder)), measured


def _agreeing_orientation(
    orientation_xyzw: Tensor,
    measured: Tensor,
    viewport_center: Tensor,
    head_valid: Tensor,
    max_disagreement_deg: float,
) -> Tensor | None:
    """One recording's quaternions, if all of them point where the head does."""
    # Where the head was lost it is taken to point forward, and so must the quaternion.
    identity = orientation_xyzw.new_tensor(IDENTITY_XYZW)
    orientation_xyzw = torch.where(head_valid.unsqueeze(-1), orientation_xyzw, identity)
    apart_rad = great_circle_distance(forward_direction(orientation_xyzw), viewport_center)
    agrees = torch.rad2deg(apart_rad) <= max_disagreement_deg
    return orientation_xyzw if (agrees & (measured | ~head_valid)).all() else None
