"""What all checks find in a recording, added to what its reader found."""

from dataclasses import replace

from torch import Tensor

from vpnet.quality.checks.clocks import check_clocks, check_playback
from vpnet.quality.checks.expressions import check_face, check_face_table
from vpnet.quality.checks.eye_table import (
    check_eye,
    check_gaze_angles,
    check_recorded_fixations,
    check_recorded_offsets,
)
from vpnet.quality.checks.eyes import check_gaze, check_gaze_offset
from vpnet.quality.checks.found import Found
from vpnet.quality.checks.head_movement import check_head
from vpnet.quality.checks.played_rows import played_rows
from vpnet.quest_pro.files import RawTables
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.gaze import measured_gaze
from vpnet.recordings.recording import Recording
from vpnet.studies.study import Study


def with_checks(study: Study) -> Study:
    """The same study; each of its recordings is checked after it is read."""
    return study.checked_by(check)


def check(one: CheckedRecording) -> CheckedRecording:
    """A recording with the reader's findings and measurements, and those of the checks.

    The tables are more exact than the recording: a number that both give is theirs.
    """
    tables = one.tables if isinstance(one.tables, RawTables) else None
    findings, measurements = list(one.findings), dict(one.measurements)
    if one.recording is not None:
        file = one.source if tables is None else str(tables.files.head)
        found, measured = check_recording(one.recording, file, one.measured_gaze)
        findings, measurements = findings + found, measurements | measured
    if tables is not None:
        found, measured = check_tables(tables, one.recording, tables.rows)
        findings, measurements = findings + found, measurements | measured
    return replace(one, findings=tuple(findings), measurements=measurements)


def check_recording(
    recording: Recording, file: str = "", gaze_measured: Tensor | None = None
) -> tuple[list[Finding], dict[str, float]]:
    """All checks that need nothing but a recording, and therefore fit every data set.

    Args:
        recording: Any recording.
        file: The file or folder that messages name.
        gaze_measured: The result of `vpnet.recordings.gaze.measured_gaze` on the source's gaze,
            shape ``(samples, 3)``: it tells what was lost from what was masked since eyes cannot
            turn there. None takes all that the recording masks for lost.

    Returns:
        Findings, and finite numbers by name.
    """
    gaze, valid = recording.gaze_direction, recording.gaze_valid
    if gaze_measured is None and gaze is not None and valid is not None:
        gaze_measured = measured_gaze(gaze, valid)
    found = Found(file)
    check_playback(recording, found)
    check_head(recording, found)
    check_gaze(recording, found, gaze_measured)
    check_gaze_offset(recording, found, gaze_measured)
    check_face(recording, found)
    return found.findings, found.measurements


def check_tables(
    tables: RawTables, recording: Recording | None, rows: Tensor | None = None
) -> tuple[list[Finding], dict[str, float]]:
    """All checks of the tables of a Meta Quest Pro: what the recording itself does not show.

    Args:
        tables: The tables as the headset wrote them.
        recording: What was read from them; None where that was not possible.
        rows: Rows of the head table that make up the playback, and the recording's samples, shape
            ``(samples,)``; None where they are unknown: all rows are checked.

    Returns:
        Findings, and finite numbers by name.
    """
    files = tables.files
    played = played_rows(tables.head, rows)
    found = Found(files.head)
    if rows is not None:
        found.measurements["rows_before_playback"] = float(rows[0])
    check_clocks(played, found)
    if tables.combined is not None:
        check_recorded_offsets(tables.combined, played, found.about(files.combined))
    if tables.eye is not None:
        in_eye = found.about(files.eye)
        check_gaze_angles(tables.eye, in_eye)
        check_eye(tables.eye, tables.face, played, in_eye)
        if recording is not None and rows is not None:
            check_recorded_fixations(tables.eye, played, recording, in_eye)
    if tables.face is not None:
        check_face_table(tables.face, played, found.about(files.face))
    return found.findings, found.measurements
