"""Recordings of the Meta Quest Pro, in both layouts that its recorder has written.

Which files make up a recording is said in `files`; they are read by column name, in the axes of
Unity, which are the world frame. A recording without eye.csv or face.csv lacks that stream; one
without head.csv is refused. How each of the known defects is treated is said in `rows`, `streams`
and `recorded`. Whatever is dropped, marked or missing is a finding (docs/CONVENTIONS.md, section
"Meta Quest Pro recordings").
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from typing_extensions import Unpack

from vpnet.errors import InputError
from vpnet.recordings.assembly import AssemblySettings, GazeOffsetDeg, YawOffsetDeg
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.checks.quest_pro import check_tables
from vpnet.recordings.checks.recording import check_recording
from vpnet.recordings.findings import Finding
from vpnet.recordings.quest_pro.files import QuestProFiles, RawTables, find_recordings
from vpnet.recordings.quest_pro.from_tables import recording_from_tables
from vpnet.recordings.quest_pro.measured import gaze_of_tables
from vpnet.recordings.quest_pro.rows import UnusableRecording, playback_rows
from vpnet.recordings.quest_pro.tables import read_tables
from vpnet.recordings.questionnaire.recording_answers import recording_answers
from vpnet.recordings.recording import Recording
from vpnet.recordings.refusals import UNREADABLE
from vpnet.recordings.study import Study, StudyOptions
from vpnet.recordings.study_part import LEAVE_OUT, StudyPart
from vpnet.settings import Positive, checked


@checked
def read_quest_pro(
    root: str | Path,
    *,
    video_yaw_offset_deg: YawOffsetDeg = 0.0,
    mirror: bool = False,
    velocity_threshold_deg_s: Positive = 30.0,
    max_gaze_offset_deg: GazeOffsetDeg | None = 60.0,
    use_timestamp_as_playback: bool = False,
    recorded_offsets: bool = False,
    recorded_fixations: bool = False,
    **options: Unpack[StudyOptions],
) -> Study:
    """All recordings of a study, in the order of participants' and videos' names.

    Args:
        root: Folder of the study: that of the participants' folders or of the flat files; or of one
            recording.
        video_yaw_offset_deg: Turn of the video against the recorded axes, in degrees, added to the
            yaw, positive to the right.
        mirror: Exchange left and right, before the turn.
        velocity_threshold_deg_s: Slower gaze is a fixation, in degrees per second.
        max_gaze_offset_deg: Gaze further than this from the head's axis is invalid, in degrees;
            null keeps all.
        use_timestamp_as_playback: Let Timestamp stand in for a PlaybackTime that is 0 throughout,
            which is refused otherwise.
        recorded_offsets: Use the eye-in-head offsets of combined.csv in place of recomputed ones:
            only to reproduce earlier work, they are wrong whenever the head is not level.
        recorded_fixations: Use the recorded fixations in place of recomputed ones: only to
            reproduce earlier work, they count held rows as fixations.
        **options: See `vpnet.recordings.study.Study`.

    Raises:
        InputError: The folder holds no such study, or a setting is out of its range.
    """
    # Settings that no recording could be read with are refused here, not in every recording.
    AssemblySettings(video_yaw_offset_deg, mirror, max_gaze_offset_deg, velocity_threshold_deg_s)
    read = partial(
        check_quest_pro,
        video_yaw_offset_deg=video_yaw_offset_deg,
        mirror=mirror,
        velocity_threshold_deg_s=velocity_threshold_deg_s,
        max_gaze_offset_deg=max_gaze_offset_deg,
        use_timestamp_as_playback=use_timestamp_as_playback,
        recorded_offsets=recorded_offsets,
        recorded_fixations=recorded_fixations,
    )
    parts = [
        StudyPart(
            (*files.present, *files.others, *files.questionnaires),
            partial(read, files),
            files.user_id,
            files.video_id,
        )
        for files in find_recordings(root)
    ]
    return Study(parts, **options)


def check_quest_pro(
    files: QuestProFiles,
    *,
    use_timestamp_as_playback: bool = False,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    **settings: Any,
) -> list[CheckedRecording]:
    """One recording with all that is found in its files.

    Args:
        files: Where they are.
        use_timestamp_as_playback: See `recording_from_tables`, as for the settings that follow.
        video_yaw_offset_deg: Added to yaw.
        mirror: Whether left and right are exchanged.
        **settings: The others.

    Returns:
        A list of one.
    """
    findings = list(files.findings)
    recording = rows = gaze = None
    alignment: Any = {"video_yaw_offset_deg": video_yaw_offset_deg, "mirror": mirror}
    tables = read_tables(files, findings)
    if tables is not None:
        try:
            playback = playback_rows(
                tables.head, str(files.head), findings, use_timestamp_as_playback
            )
            rows, _ = playback
            recording = recording_from_tables(
                tables.head,
                tables.eye,
                tables.face,
                combined=tables.combined,
                user_id=files.user_id,
                video_id=files.video_id,
                source=files.source,
                files=files,
                findings=findings,
                playback=playback,
                **alignment,
                **settings,
            )
            gaze = gaze_of_tables(tables, rows, recording, **alignment)
        except UnusableRecording as error:
            findings.append(error.finding)
        except InputError as error:
            findings.append(_unreadable(str(error), files))
    answers, measurements = recording_answers(files.questionnaires, files.video_id, findings)
    if recording is not None and answers:
        recording = replace(recording, answers=answers)
    for found, measured in _checks(files, tables, recording, rows, gaze):
        findings += found
        measurements |= measured
    return [
        CheckedRecording(
            files.user_id,
            files.video_id,
            files.source,
            recording,
            tuple(findings),
            measurements,
            files.recorded_at,
        )
    ]


def _unreadable(message: str, files: QuestProFiles) -> Finding:
    """A message that names file and remedy, as a finding."""
    for file in (*files.present, files.source):
        if message.startswith(str(file)):
            found = message.removeprefix(str(file)).lstrip(":, ")
            return UNREADABLE.broken(found, file=file, remedy=LEAVE_OUT)
    return UNREADABLE.broken(message, file=files.source, remedy=LEAVE_OUT)


def _checks(
    files: QuestProFiles,
    tables: RawTables | None,
    recording: Recording | None,
    rows: Tensor | None,
    gaze_measured: Tensor | None,
) -> Iterator[tuple[list[Finding], dict[str, float]]]:
    """What the checks find and measure; the tables tell more exactly than the recording."""
    if recording is not None:
        yield check_recording(recording, str(files.head), gaze_measured)
    if tables is not None:
        yield check_tables(tables, recording, rows)
