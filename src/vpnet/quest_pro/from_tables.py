"""From the headset's tables, read or simulated, to a `Recording`.

combined.csv holds nothing that cannot be recomputed: offsets are taken from it only when asked for.
"""

from functools import partial
from typing import Any

import polars as pl
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.rotations import forward_direction
from vpnet.quest_pro.files import TABLES, QuestProFiles
from vpnet.quest_pro.headset_columns import (
    HeadsetColumns,
    with_recorded_fixations,
    with_recorded_offsets,
)
from vpnet.quest_pro.rows import matched_rows, playback_rows
from vpnet.quest_pro.streams import (
    face_samples,
    gaze_samples,
    head_orientation,
    named_weights,
)
from vpnet.recordings.findings import Finding, Severity
from vpnet.recordings.frame import Frame, align_orientation_to_video, align_to_video
from vpnet.recordings.gaze import GazeRules, gaze_streams
from vpnet.recordings.recording import Recording
from vpnet.settings import checked


@checked
def recording_from_tables(
    head: pl.DataFrame,
    eye: pl.DataFrame | None,
    face: pl.DataFrame | None,
    *,
    combined: pl.DataFrame | None = None,
    user_id: str,
    video_id: str,
    source: str,
    files: QuestProFiles | None = None,
    findings: list[Finding] | None = None,
    playback: tuple[Tensor, Tensor] | None = None,
    frame: Frame = Frame(),
    gaze: GazeRules = GazeRules(),
    headset: HeadsetColumns = HeadsetColumns(),
) -> Recording:
    """One recording from tables with the columns of head.csv, eye.csv, face.csv and combined.csv.

    Args:
        head: Timestamp, PlaybackTime, UnitQuaternion.x to .w; VideoFrame, EulerYaw and EulerPitch
            where they were recorded.
        eye: Timestamp, GazeDir.x to .z, confidences, BothEyesValid; BlinkL, BlinkR, IsFixating and
            FixationDurationMs where they were recorded. None for a recording without gaze.
        face: Timestamp, FaceIsValid and the 63 weights by name or as Expr_0 to Expr_62. None for a
            recording without face.
        combined: Timestamp; GazeRelativeH, GazeRelativeV and EyeHeadOffset where they were
            recorded. None where there is no such table.
        user_id: Who watched.
        video_id: What was watched.
        source: The folder of the tables, for messages.
        files: The tables' files, for messages; those of layout v2 in ``source`` where it is None.
        findings: What is found is added here, and what can be gone on with is; None refuses a
            recording with errors.
        playback: The result of `playback_rows` where it is at hand; None works it out.
        frame: How the recorded axes lie in the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        headset: Which of the headset's own columns are used.

    Raises:
        UnusableRecording: Nothing can be used, whatever is accepted.
        InputError: Something that the settings ask for is not in the tables; or, where
            ``findings`` is None, there is an error.
    """
    noted: list[Finding] = [] if findings is None else findings
    head_file, eye_file, face_file, combined_file = _file_names(source, files)
    if playback is None:
        playback = playback_rows(head, head_file, noted, headset.use_timestamp_as_playback)
    rows, timestamps_s = playback
    orientation_xyzw, head_valid = head_orientation(head, rows, head_file, noted)
    orientation_xyzw = align_orientation_to_video(orientation_xyzw, frame)
    viewport_center = forward_direction(orientation_xyzw)
    match = partial(matched_rows, head, rows=rows, head_file=head_file, findings=noted)
    streams: dict[str, Any] = {}
    combined_rows = None
    if combined is not None:
        foreign = Severity.ERROR if headset.recorded_offsets else Severity.WARNING
        combined_rows = match(combined, file=combined_file, foreign=foreign)
    if eye is not None and (eye_rows := match(eye, file=eye_file)) is not None:
        gaze_direction, gaze_valid = gaze_samples(eye, eye_rows)
        streams = gaze_streams(
            timestamps_s,
            viewport_center,
            orientation_xyzw,
            align_to_video(gaze_direction, frame),
            # Where the head was lost nothing tells whether the eyes were within reach.
            gaze_valid & head_valid,
            gaze,
        )
        if headset.recorded_offsets:
            streams = with_recorded_offsets(
                streams,
                viewport_center,
                combined,
                combined_rows,
                mirror=frame.mirror,
                file=combined_file,
                findings=noted,
            )
        if headset.recorded_fixations:
            streams = with_recorded_fixations(streams, eye, eye_rows, eye_file)
    if face is not None and (face_rows := match(face, file=face_file)) is not None:
        face = named_weights(face, face_file, noted)
        weights, names, face_valid = face_samples(face, face_rows, face_file, noted)
        streams |= {"face": weights, "face_names": names, "face_valid": face_valid}
    if findings is None:
        _refuse_errors(noted)
    return Recording(
        user_id=user_id,
        video_id=video_id,
        source=source,
        timestamps_s=timestamps_s,
        viewport_center=viewport_center,
        head_valid=head_valid,
        head_orientation_xyzw=orientation_xyzw,
        **streams,
    )


def _file_names(source: str, files: QuestProFiles | None) -> tuple[str, str, str, str]:
    """Names of the head's, the eye's, the face's and the combined file."""
    head, eye, face, combined = (f"{source}/{name}.csv" for name in TABLES)
    if files is None:
        return head, eye, face, combined
    return (
        str(files.head or head),
        str(files.eye or eye),
        str(files.face or face),
        str(files.combined or combined),
    )


def _refuse_errors(findings: list[Finding]) -> None:
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise InputError(finding.message)
