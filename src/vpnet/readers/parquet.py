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
from vpnet.readers.parquet_table import (
    GAZE,
    HEAD,
    ORIENTATION,
    read_parquet_table,
    unit_vectors,
)
from vpnet.recordings.assembly import checked_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules
from vpnet.recordings.orientation_agreement import IDENTITY_XYZW, agreeing_orientation
from vpnet.recordings.recording import AGREEMENT_TOLERANCE_DEG, Recording
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_part import StudyPart
from vpnet.whole_files import whole_file

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
    table = read_parquet_table(source)
    timestamps_s = torch.from_numpy(table["t"].to_numpy(writable=True))
    head, head_valid = unit_vectors(table, HEAD, FORWARD, source)
    gaze = orientation = None
    if GAZE[0] in table.columns:
        gaze = unit_vectors(table, GAZE, FORWARD, source, mask="gaze_valid")
    if ORIENTATION[0] in table.columns:
        orientation = unit_vectors(table, ORIENTATION, IDENTITY_XYZW, source)

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
            checked_recording(
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


def write_parquet(recordings: Iterable[Recording], path: str | Path) -> None:
    """Write recordings to one file that `read_parquet` reads.

    Kept are the clock, head, orientation and gaze with their masks; offsets and fixations are
    computed again on reading, and the face and the answers to questionnaires have no columns here
    (a warning says so).

    Args:
        recordings: What to write, each pair of user and video once; gone through once.
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
                "%s: the %s of %d of %d recordings are not written, the format has no columns for "
                "them",
                path,
                name,
                count,
                len(tables),
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
