"""From the arrays that a reader of a public data set has found to a `Recording`."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import normalize
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.clock import increasing_rows
from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.frame import Frame, align_orientation_to_video, align_to_video
from vpnet.recordings.gaze import GazeRules, gaze_streams, measured_gaze
from vpnet.recordings.recording import Recording


def assembled_recording(
    user_id: str,
    video_id: str,
    source: str,
    timestamps_s: Tensor,
    viewport_center: Tensor,
    frame: Frame,
    gaze: GazeRules = GazeRules(),
    *,
    first_line: int,
    findings: Iterable[Finding] = (),
    head_valid: Tensor | None = None,
    head_orientation_xyzw: Tensor | None = None,
    gaze_direction: Tensor | None = None,
    gaze_valid: Tensor | None = None,
) -> CheckedRecording:
    """A recording of the rows at which playback time increases, in the frame of the video.

    Args:
        user_id: Who watched.
        video_id: What was watched.
        source: The file, for messages.
        timestamps_s: Playback time, shape ``(rows,)``.
        viewport_center: Where the head points, near unit length, shape ``(rows, 3)``.
        frame: How the recorded axes relate to the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        first_line: Line of the file that holds the first row, for messages.
        findings: What the reader has found so far.
        head_valid: Which rows of the head were measured, shape ``(rows,)``; None for all.
        head_orientation_xyzw: Unit quaternions, shape ``(rows, 4)``; None where there are none.
        gaze_direction: Eye-in-world directions, shape ``(rows, 3)``; None where there are none.
        gaze_valid: Which of them were measured, shape ``(rows,)``; None for all.

    Returns:
        The recording with the reader's findings; without a recording where fewer than 2 rows are
        left.
    """
    found = list(findings)
    lines = first_line + torch.arange(len(timestamps_s))
    rows = increasing_rows(timestamps_s, source, lines, found)
    timestamps_s = timestamps_s[rows]
    viewport_center = align_to_video(normalize(viewport_center[rows].double()), frame)
    if head_valid is None:
        head_valid = torch.ones(len(viewport_center), dtype=torch.bool)
    else:
        head_valid = head_valid[rows]
    if head_orientation_xyzw is not None:
        head_orientation_xyzw = align_orientation_to_video(
            head_orientation_xyzw[rows].double(), frame
        )
    streams: dict[str, Any] = {}
    measured = None
    if gaze_direction is not None:
        gaze_direction = align_to_video(gaze_direction[rows].double(), frame)
        # Where the head was lost it is unknown whether the eyes were within reach.
        gaze_valid = head_valid if gaze_valid is None else head_valid & gaze_valid[rows]
        measured = measured_gaze(gaze_direction, gaze_valid)
        streams = gaze_streams(timestamps_s, viewport_center, head_orientation_xyzw, measured, gaze)
    try:
        recording = Recording(
            user_id=user_id,
            video_id=video_id,
            source=source,
            timestamps_s=timestamps_s,
            viewport_center=viewport_center,
            head_valid=head_valid,
            head_orientation_xyzw=head_orientation_xyzw,
            **streams,
        )
    except InputError as error:
        found.append(
            RULES["unreadable"].broken(str(error).removeprefix(f"{source}: "), file=source)
        )
        return CheckedRecording(user_id, video_id, source, None, tuple(found))
    return CheckedRecording(
        user_id, video_id, source, recording, tuple(found), measured_gaze=measured
    )
