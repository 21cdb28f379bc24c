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

from torch import Tensor

from vpnet.errors import InputError
from vpnet.quality.checks.quest_pro import check_tables
from vpnet.quality.checks.recording import check_recording
from vpnet.quest_pro.files import QuestProFiles, RawTables, find_recordings
from vpnet.quest_pro.from_tables import recording_from_tables
from vpnet.quest_pro.headset_columns import HeadsetColumns
from vpnet.quest_pro.raw_gaze import gaze_of_tables
from vpnet.quest_pro.rows import UnusableRecording, playback_rows
from vpnet.quest_pro.tables import read_tables
from vpnet.questionnaires.recording_answers import recording_answers
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules
from vpnet.recordings.recording import Recording
from vpnet.recordings.refusals import UNREADABLE
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_part import LEAVE_OUT, StudyPart


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
        frame: How the recorded axes lie in the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        headset: Which of the headset's own columns are used.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such study.
    """
    read = partial(check_quest_pro, frame=frame, gaze=gaze, headset=headset)
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


def check_quest_pro(
    files: QuestProFiles,
    *,
    frame: Frame = Frame(),
    gaze: GazeRules = GazeRules(),
    headset: HeadsetColumns = HeadsetColumns(),
) -> list[CheckedRecording]:
    """One recording with all that is found in its files.

    Args:
        files: Where they are.
        frame: How the recorded axes lie in the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        headset: Which of the headset's own columns are used.

    Returns:
        A list of one.
    """
    findings = list(files.findings)
    recording = rows = measured_gaze = None
    tables = read_tables(files, findings)
    if tables is not None:
        try:
            playback = playback_rows(
                tables.head, str(files.head), findings, headset.use_timestamp_as_playback
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
                frame=frame,
                gaze=gaze,
                headset=headset,
            )
            measured_gaze = gaze_of_tables(tables, rows, recording, frame)
        except UnusableRecording as error:
            findings.append(error.finding)
        except InputError as error:
            findings.append(_unreadable(str(error), files))
    answers, measurements = recording_answers(files.questionnaires, files.video_id, findings)
    if recording is not None and answers:
        recording = replace(recording, answers=answers)
    for found, measured in _checks(files, tables, recording, rows, measured_gaze):
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
