"""All checks of the tables of a Meta Quest Pro: what the recording itself does not show."""

from torch import Tensor

from vpnet.quality.checks.played_rows import played_rows
from vpnet.quality.checks.quest_pro_clock import check_clocks
from vpnet.quality.checks.quest_pro_eye import check_eye
from vpnet.quality.checks.quest_pro_face import check_face_table
from vpnet.quality.checks.quest_pro_gaze import (
    check_gaze_angles,
    check_recorded_fixations,
    check_recorded_offsets,
)
from vpnet.quest_pro.files import RawTables
from vpnet.recordings.findings import Finding
from vpnet.recordings.recording import Recording


def check_tables(
    tables: RawTables, recording: Recording | None, rows: Tensor | None = None
) -> tuple[list[Finding], dict[str, float]]:
    """What is wrong with the tables, beside what the reader and `check_recording` find.

    Args:
        tables: The tables as the headset wrote them.
        recording: What was read from them; None where that was not possible.
        rows: Rows of the head table that make up the playback, and the recording's samples, shape
            ``(samples,)``; None where they could not be told: all rows are checked.

    Returns:
        Findings in the order clocks, offsets, eye, fixations, face, with files and lines; finite
        numbers by name, which are more exact than those of `check_recording` by the same name.
    """
    files = tables.files
    played = played_rows(tables.head, rows)
    results = [check_clocks(played, str(files.head))]
    if tables.combined is not None:
        results.append(check_recorded_offsets(tables.combined, played, str(files.combined)))
    if tables.eye is not None:
        results.append(check_gaze_angles(tables.eye, str(files.eye)))
        results.append(check_eye(tables.eye, tables.face, played, str(files.eye)))
        if recording is not None and rows is not None:
            results.append(check_recorded_fixations(tables.eye, played, recording, str(files.eye)))
    if tables.face is not None:
        results.append(check_face_table(tables.face, played, str(files.face)))
    findings: list[Finding] = []
    measurements: dict[str, float] = {}
    if rows is not None:
        measurements["rows_before_playback"] = float(rows[0])
    for found, measured in results:
        findings += found
        measurements |= measured
    return findings, measurements
