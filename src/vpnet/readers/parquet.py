"""Recordings in one parquet file, a row per sample: vpnet's own exchange format.

Columns: user, video (text); t (playback time in seconds); head_x, head_y, head_z (unit vector,
world frame); optionally gaze_x to gaze_z (likewise), gaze_valid (boolean) and quat_x to quat_w (the
head's orientation). An empty value (null) is a sample that was not measured; a column that is empty
throughout a recording is a stream that this recording lacks. docs/CONVENTIONS.md has the table.

Files found elsewhere hold the quaternion in the frame of the headset that wrote it. It is kept only
where it agrees with the head direction, and then gives the roll.
"""

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import torch
from pydantic import Field
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import FORWARD
from vpnet.geometry.rotations import IDENTITY_XYZW
from vpnet.recordings.assembly import assembled_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import Frame, agreeing_orientation
from vpnet.recordings.gaze import GazeRules
from vpnet.recordings.recording import AGREEMENT_TOLERANCE_DEG, Recording
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart
from vpnet.whole_files import whole_file

HEAD = ("head_x", "head_y", "head_z")
GAZE = ("gaze_x", "gaze_y", "gaze_z")
ORIENTATION = ("quat_x", "quat_y", "quat_z", "quat_w")

LENGTH_TOLERANCE = 0.01
"""Vectors this near to unit length are scaled to it: files are rounded."""

_LOGGER = logging.getLogger(__name__)


@checked
def read_parquet(
    path: str | Path,
    *,
    frame: Frame = Frame(),
    gaze: GazeRules = GazeRules(),
    max_quaternion_disagreement_deg: Annotated[
        float, Field(ge=0, le=AGREEMENT_TOLERANCE_DEG)
    ] = AGREEMENT_TOLERANCE_DEG,
    study: StudyOptions = StudyOptions(cache=False),
) -> Study:
    """All recordings of a file, in the order in which they first appear.

    What was read is not kept by default: such a file is read as fast as a kept one.

    Args:
        path: The file.
        frame: How the recorded axes lie in the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        max_quaternion_disagreement_deg: A recording whose quaternions point further than this from
            its head direction, at any sample, loses them and with them the roll, in degrees.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: There is no such file, or a setting is out of range; later, when the recordings
            are read, that the file is no such parquet file, or a row breaks a rule.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the parquet file cannot be read, there is none; check the path")
    read = partial(_checked_recordings, path, frame, gaze, max_quaternion_disagreement_deg)
    return Study([StudyPart((path,), read)], study)


def _checked_recordings(
    path: Path, frame: Frame, rules: GazeRules, max_disagreement_deg: float
) -> list[CheckedRecording]:
    source = str(path)
    table = _read_table(source)
    timestamps_s = torch.from_numpy(table["t"].to_numpy(writable=True))
    head, head_valid = _unit_vectors(table, HEAD, FORWARD, source)
    gaze = orientation = None
    if GAZE[0] in table.columns:
        gaze = _unit_vectors(table, GAZE, FORWARD, source, mask="gaze_valid")
    if ORIENTATION[0] in table.columns:
        orientation = _unit_vectors(table, ORIENTATION, IDENTITY_XYZW, source)

    checked = []
    groups = table.select("user", "video").with_row_index("row")
    for group in groups.partition_by("user", "video", maintain_order=True):
        rows = torch.from_numpy(group["row"].to_numpy().astype(np.int64))
        findings: list[Finding] = []
        orientation_xyzw = gaze_direction = gaze_valid = None
        if orientation is not None and orientation[1][rows].any():
            orientation_xyzw = agreeing_orientation(
                orientation[0][rows],
                orientation[1][rows],
                head[rows],
                head_valid[rows],
                findings,
                file=source,
                max_disagreement_deg=max_disagreement_deg,
            )
        if gaze is not None and gaze[1][rows].any():
            gaze_direction, gaze_valid = gaze[0][rows], gaze[1][rows]
        checked.append(
            assembled_recording(
                group["user"][0],
                group["video"][0],
                source,
                timestamps_s[rows],
                head[rows],
                frame,
                rules,
                first_line=1 + int(rows[0]),
                findings=findings,
                head_valid=head_valid[rows],
                head_orientation_xyzw=orientation_xyzw,
                gaze_direction=gaze_direction,
                gaze_valid=gaze_valid,
            )
        )
    return checked


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
            f"{source}: a column has the wrong type ({error}): gaze_valid must be boolean, all "
            "others numbers; export the file again"
        ) from error
    for name in ("user", "video", "t"):
        wrong = table[name].is_null()
        if name == "t":
            wrong = wrong | ~table[name].is_finite().fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            raise InputError(
                f"{source}, row {row + 1}, column {name}: every row must have a value, found "
                f"{table[name][row]}; correct or delete the row"
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


def _unit_vectors(
    table: pl.DataFrame,
    columns: Sequence[str],
    placeholder: tuple[float, ...],
    source: str,
    mask: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Unit vectors of all rows, and which were measured; the others hold the placeholder.

    ``mask`` names a boolean column that marks rows as measured, where the table has it. Shapes are
    ``(rows, components)`` and ``(rows,)``.
    """
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
            f"was not measured, found {list(table.select(columns).row(row))}; correct the row "
            f"({int(wrong.sum())} rows are wrong)"
        )
    unit = torch.nn.functional.normalize(values, dim=-1)
    return torch.where(measured.unsqueeze(-1), unit, unit.new_tensor(placeholder)), measured


def write_parquet(recordings: Iterable[Recording], path: str | Path) -> None:
    """Write recordings to one file that `read_parquet` reads.

    Kept are the clock, head, orientation and gaze with their masks; offsets and fixations are
    computed again on reading, and the face and the answers to questionnaires have no columns here
    (a warning says so).

    Args:
        recordings: Each pair of user and video once.
        path: The file; it appears only when it is complete.

    Raises:
        InputError: There is nothing to write, or a pair of user and video comes twice.
    """
    tables: dict[tuple[str, str], pl.DataFrame] = {}
    left_out = {"face": 0, "answers": 0}
    for recording in recordings:
        key = (recording.user_id, recording.video_id)
        if key in tables:
            raise InputError(
                f"{path}: one file holds a user's recording of a video once, found user "
                f"{key[0]!r} and video {key[1]!r} twice; give one of them another name"
            )
        tables[key] = _rows(recording)
        left_out["face"] += recording.face is not None
        left_out["answers"] += bool(recording.answers)
    if not tables:
        raise InputError(f"{path}: there are no recordings to write; check where they come from")
    for name, count in left_out.items():
        if count:
            _LOGGER.warning(
                f"{path}: the {name} of {count} of {len(tables)} recordings are not written, the "
                "format has no columns for them"
            )
    table = pl.concat(tables.values())
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
