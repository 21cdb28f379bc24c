"""From the arrays that a reader of a public data set has found to a `Recording`."""

from typing import Any

import torch
from torch import Tensor

from vpnet.geometry.directions import normalize
from vpnet.recordings.clock import increasing_rows
from vpnet.recordings.gaze import gaze_streams
from vpnet.recordings.recording import Recording
from vpnet.recordings.video_alignment import align_orientation_to_video, align_to_video


def assemble_recording(
    user_id: str,
    video_id: str,
    source: str,
    timestamps_s: Tensor,
    viewport_center: Tensor,
    *,
    first_line: int,
    head_valid: Tensor | None = None,
    head_orientation_xyzw: Tensor | None = None,
    gaze_direction: Tensor | None = None,
    gaze_valid: Tensor | None = None,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    max_gaze_offset_deg: float | None = 60.0,
    velocity_threshold_deg_s: float = 30.0,
) -> Recording:
    """A recording of the rows at which playback time increases, in the frame of the video.

    Args:
        user_id: Who watched.
        video_id: What was watched.
        source: The file, for messages.
        timestamps_s: Playback time, shape ``(rows,)``.
        viewport_center: Where the head points, near unit length, shape ``(rows, 3)``.
        first_line: Line of the file that holds the first row, for messages.
        head_valid: Which rows of the head were measured, shape ``(rows,)``; None for all.
        head_orientation_xyzw: Unit quaternions, shape ``(rows, 4)``; None where there are none.
        gaze_direction: Eye-in-world directions, shape ``(rows, 3)``; None where there are none.
        gaze_valid: Which of them were measured, shape ``(rows,)``; None for all.
        video_yaw_offset_deg: Added to the yaw of head and gaze, after the mirror.
        mirror: Whether left and right are exchanged.
        max_gaze_offset_deg: Gaze further than this from the head's axis is marked invalid; None
            keeps it.
        velocity_threshold_deg_s: Slower gaze is a fixation.

    Raises:
        InputError: The clock steps back, or fewer than 2 rows are left.
    """
    rows = increasing_rows(timestamps_s, source, first_line)
    timestamps_s = timestamps_s[rows]
    viewport_center = align_to_video(
        normalize(viewport_center[rows].double()), video_yaw_offset_deg, mirror
    )
    if head_valid is None:
        head_valid = torch.ones(len(viewport_center), dtype=torch.bool)
    else:
        head_valid = head_valid[rows]
    if head_orientation_xyzw is not None:
        head_orientation_xyzw = align_orientation_to_video(
            head_orientation_xyzw[rows].double(), video_yaw_offset_deg, mirror
        )
    streams: dict[str, Any] = {}
    if gaze_direction is not None:
        # Where the head was lost nothing tells whether the eyes were within reach.
        measured = head_valid if gaze_valid is None else head_valid & gaze_valid[rows]
        streams = gaze_streams(
            timestamps_s,
            viewport_center,
            head_orientation_xyzw,
            align_to_video(gaze_direction[rows].double(), video_yaw_offset_deg, mirror),
            measured,
            max_gaze_offset_deg=max_gaze_offset_deg,
            velocity_threshold_deg_s=velocity_threshold_deg_s,
        )
    return Recording(
        user_id=user_id,
        video_id=video_id,
        source=source,
        timestamps_s=timestamps_s,
        viewport_center=viewport_center,
        head_valid=head_valid,
        head_orientation_xyzw=head_orientation_xyzw,
        **streams,
    )
