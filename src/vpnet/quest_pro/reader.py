"""Recordings of the Meta Quest Pro, in both layouts that its recorder has written.

`files` finds what makes up a recording, `tables` reads it by column name, `rows` matches the rows
of its tables, and here they become a `Recording`. The axes of Unity are those of the world frame. A
recording without eye.csv or face.csv lacks that stream; one without head.csv is refused. Whatever
is dropped, marked or missing is a finding (docs/CONVENTIONS.md, section "Meta Quest Pro
recordings").

The headset also derived offsets and fixations itself. They are used only to reproduce earlier work:
combined.csv subtracts pitches of opposite sign, and the recorded fixations compare rows that hold
one measurement (defects 1 and 3 there).
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.rotations import forward_direction
from vpnet.quest_pro.files import QuestProFiles, RawTables, find_recordings
from vpnet.quest_pro.rows import UnusableRecording, matched_rows, playback_rows
from vpnet.quest_pro.tables import (
    FIXATION_COLUMNS,
    OFFSET_COLUMNS,
    face_samples,
    gaze_samples,
    head_orientation,
    matrix,
    named_weights,
    read_tables,
)
from vpnet.questionnaires.encoded_answers import recording_answers
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import RULES, Finding, Severity
from vpnet.recordings.frame import Frame, align_orientation_to_video, align_to_video
from vpnet.recordings.gaze import GazeRules, gaze_streams, measured_gaze
from vpnet.recordings.recording import Recording
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import LEAVE_OUT, StudyPart

MIXED_SIGN_FROM_DEG = 1.0
"""A median difference that rounding does not explain."""


@checked
@dataclass(frozen=True)
class HeadsetColumns:
    """Which of the headset's own columns are used in place of what is recomputed.

    Args:
        use_timestamp_as_playback: Whether a recording whose PlaybackTime is 0 throughout, which is
            otherwise refused, takes the time since its first row. Others are read as ever.
        recorded_offsets: Whether the eye-in-head offsets that the headset wrote (combined.csv) are
            used in place of recomputed ones: only to reproduce earlier work, they are wrong
            whenever the head is not level.
        recorded_fixations: Whether the fixations that the headset wrote (eye.csv) are used in
            place of recomputed ones: only to reproduce earlier work, they count held rows as
            fixations.
    """

    use_timestamp_as_playback: bool = False
    recorded_offsets: bool = False
    recorded_fixations: bool = False


@checked
def read_quest_pro(
    root: str | Path,
    *,
    frame: Frame = Frame(),
    gaze: GazeRules = GazeRules(),
    headset: HeadsetColumns = HeadsetColumns(),
    study: StudyOptions = StudyOptions(),
) -> Study:
    """All recordings of a study, in the order of participants' and videos' names.

    Args:
        root: Folder that holds the participants' folders or the flat files; or the folder, or a
            file, of one recording.
        frame: How the recorded axes relate to the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        headset: Which of the headset's own columns are used.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such study.
    """
    read = partial(read_files, frame=frame, gaze=gaze, headset=headset)
    parts = [
        StudyPart(
            (*files.present, *files.others, *files.questionnaires),
            partial(read, files),
            files.user_id,
            files.video_id,
        )
        for files in find_recordings(root)
    ]
    return Study(parts, study)


def read_files(
    files: QuestProFiles, *, frame: Frame, gaze: GazeRules, headset: HeadsetColumns
) -> list[CheckedRecording]:
    """Everything that was read from the files of one recording: a list of one."""
    findings = list(files.findings)
    recording = gaze_measured = None
    tables = read_tables(files, findings)
    if tables is not None:
        try:
            playback = playback_rows(
                tables.head, files.name_of("head"), findings, headset.use_timestamp_as_playback
            )
            tables = replace(tables, rows=playback[0])
            recording, gaze_measured = _recording_and_gaze(
                tables, playback, findings, frame, gaze, headset
            )
        except UnusableRecording as error:
            findings.append(error.finding)
        except InputError as error:
            findings.append(_unreadable(str(error), files))
    answers, measurements = recording_answers(files.questionnaires, files.video_id, findings)
    if recording is not None and answers:
        recording = replace(recording, answers=answers)
    return [
        CheckedRecording(
            files.user_id,
            files.video_id,
            files.source,
            recording,
            tuple(findings),
            measurements,
            files.recorded_at,
            gaze_measured,
            tables,
        )
    ]


def recording_from_tables(
    tables: RawTables, *, gaze: GazeRules = GazeRules(), headset: HeadsetColumns = HeadsetColumns()
) -> Recording:
    """A recording from tables made in memory; an InputError where it would be refused."""
    findings: list[Finding] = []
    if tables.face is not None:
        face = named_weights(tables.face, tables.files.name_of("face"), findings)
        tables = replace(tables, face=face)
    playback = playback_rows(
        tables.head, tables.files.name_of("head"), findings, headset.use_timestamp_as_playback
    )
    recording, _ = _recording_and_gaze(tables, playback, findings, Frame(), gaze, headset)
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise InputError(finding.message)
    return recording


def _recording_and_gaze(
    tables: RawTables,
    playback: tuple[Tensor, Tensor],
    findings: list[Finding],
    frame: Frame,
    gaze: GazeRules,
    headset: HeadsetColumns,
) -> tuple[Recording, Tensor | None]:
    """The recording, and the gaze as it was measured, including what is beyond the eyes' reach."""
    rows, timestamps_s = playback
    files = tables.files
    orientation_xyzw, head_valid = head_orientation(
        tables.head, rows, files.name_of("head"), findings
    )
    orientation_xyzw = align_orientation_to_video(orientation_xyzw, frame)
    viewport_center = forward_direction(orientation_xyzw)
    streams: dict[str, Any] = {}
    gaze_measured = None
    foreign = Severity.ERROR if headset.recorded_offsets else Severity.WARNING
    combined_rows = matched_rows(tables, "combined", rows, findings, foreign)
    eye_rows = matched_rows(tables, "eye", rows, findings)
    if tables.eye is not None and eye_rows is not None:
        gaze_direction, gaze_valid = gaze_samples(tables.eye, eye_rows)
        # Where the head was lost it is unknown whether the eyes were within reach.
        gaze_measured = measured_gaze(
            align_to_video(gaze_direction, frame), gaze_valid & head_valid
        )
        streams = gaze_streams(timestamps_s, viewport_center, orientation_xyzw, gaze_measured, gaze)
        if headset.recorded_offsets:
            streams = _with_recorded_offsets(
                streams, viewport_center, tables, combined_rows, frame.mirror, findings
            )
        if headset.recorded_fixations:
            streams = _with_recorded_fixations(streams, tables.eye, eye_rows, files.name_of("eye"))
    face_rows = matched_rows(tables, "face", rows, findings)
    if tables.face is not None and face_rows is not None:
        weights, names, face_valid = face_samples(
            tables.face, face_rows, files.name_of("face"), findings
        )
        streams |= {"face": weights, "face_names": names, "face_valid": face_valid}
    recording = Recording(
        user_id=files.user_id,
        video_id=files.video_id,
        source=files.source,
        timestamps_s=timestamps_s,
        viewport_center=viewport_center,
        head_valid=head_valid,
        head_orientation_xyzw=orientation_xyzw,
        **streams,
    )
    return recording, gaze_measured


def _with_recorded_offsets(
    streams: dict[str, Tensor],
    viewport_center: Tensor,
    tables: RawTables,
    matched: pl.Series | None,
    mirror: bool,
    findings: list[Finding],
) -> dict[str, Tensor]:
    """Gaze streams whose offset is the recorded one where gaze is valid and a row was recorded.

    Direction and mask stay as they are: they follow from the true offset.
    """
    combined, file = tables.combined, tables.files.name_of("combined")
    if combined is None or matched is None:
        raise InputError(
            f"{file}: recorded_offsets=true takes the offsets from combined.csv, found no such "
            "file of this recording; put it there or set recorded_offsets=false"
        )
    recorded_deg = _columns(combined, OFFSET_COLUMNS, matched, file, "recorded_offsets")
    _check_signs(recorded_deg[:, 1], streams, viewport_center, file, findings)
    if mirror:
        recorded_deg = recorded_deg * recorded_deg.new_tensor((-1.0, 1.0, 1.0))
    known = streams["gaze_valid"] & recorded_deg.isfinite().all(dim=-1)
    offset_deg = torch.where(known.unsqueeze(-1), recorded_deg, streams["gaze_offset_deg"])
    return streams | {"gaze_offset_deg": offset_deg}


def _with_recorded_fixations(
    streams: dict[str, Tensor], eye: pl.DataFrame, matched: pl.Series, file: str
) -> dict[str, Tensor]:
    """Gaze streams with the headset's own fixations, where gaze is valid."""
    recorded = _columns(eye, FIXATION_COLUMNS, matched, file, "recorded_fixations")
    flag, duration_ms = recorded.unbind(dim=-1)
    is_fixating = streams["gaze_valid"] & (flag > 0)
    known = is_fixating & (duration_ms > 0)
    duration_s = torch.where(known, duration_ms / 1000, 0.0)
    return streams | {"is_fixating": is_fixating, "fixation_duration_s": duration_s}


def _check_signs(
    vertical_deg: Tensor,
    streams: dict[str, Tensor],
    viewport_center: Tensor,
    file: str,
    findings: list[Finding],
) -> None:
    valid = streams["gaze_valid"] & vertical_deg.isfinite()
    if not valid.any():
        return
    gaze_deg, head_deg = (
        torch.rad2deg(yaw_and_elevation(direction[valid])[1])
        for direction in (streams["gaze_direction"], viewport_center)
    )
    consistent_deg, mixed_deg = (
        float((vertical_deg[valid] - expected).abs().median())
        for expected in (gaze_deg - head_deg, gaze_deg + head_deg)
    )
    if mixed_deg < consistent_deg - MIXED_SIGN_FROM_DEG:
        findings.append(
            RULES["recorded_offsets_mixed_sign"].broken(
                f"GazeRelativeV must be the gaze's elevation minus the head's, found it "
                f"{consistent_deg:.1f} degrees (median) from that, and {mixed_deg:.1f} from their "
                "sum",
                file=file,
                rows=int(valid.sum()),
            )
        )


def _columns(
    table: pl.DataFrame, names: tuple[str, ...], matched: pl.Series, file: str, setting: str
) -> Tensor:
    """Values for each sample, NaN where there are none, shape ``(samples, columns)``."""
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise InputError(
            f"{file}: {setting}=true needs the columns {', '.join(names)}, found no "
            f"{', '.join(absent)}; set {setting}=false"
        )
    return matrix(table.select(pl.col(*names).gather(matched)), names, missing=float("nan"))


def _unreadable(message: str, files: QuestProFiles) -> Finding:
    """A message that names file and remedy, as a finding."""
    for file in (*files.present, files.source):
        if message.startswith(str(file)):
            found = message.removeprefix(str(file)).lstrip(":, ")
            return RULES["unreadable"].broken(found, file=file, remedy=LEAVE_OUT)
    return RULES["unreadable"].broken(message, file=files.source, remedy=LEAVE_OUT)
