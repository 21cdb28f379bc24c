"""From the headset's axes to those of the video frame.

Whether the centre column of a video really is +z depends on how its sphere was mounted in the scene
(docs/CONVENTIONS.md, defect 10), so every data set says how far it was turned and whether it was
mirrored. The mirror (x to -x) comes first, then the turn: yaw = recorded yaw + offset.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from vpnet.geometry.rotations import multiply_quaternions, rotate
from vpnet.settings import checked

YawOffsetDeg = Annotated[float, Field(ge=-360, le=360)]


@checked
@dataclass(frozen=True)
class Frame:
    """How the axes of a data set lie in the frame of its videos.

    `vpnet align` finds both from where people looked.

    Args:
        video_yaw_offset_deg: Turn of the video against the recorded axes: added to the yaw of head
            and gaze, after the mirror, positive to the right, in degrees.
        mirror: Whether left and right are exchanged, before the turn.
    """

    video_yaw_offset_deg: YawOffsetDeg = 0.0
    mirror: bool = False


def align_to_video(directions: Tensor, frame: Frame) -> Tensor:
    """Directions in the frame of the video.

    Args:
        directions: Recorded directions (head or gaze), shape ``(..., 3)``.
        frame: How the recorded axes lie in it.

    Returns:
        Directions, shape ``(..., 3)``.
    """
    if frame.mirror:
        directions = directions * directions.new_tensor((-1.0, 1.0, 1.0))
    if frame.video_yaw_offset_deg:
        directions = rotate(_turn_xyzw(frame.video_yaw_offset_deg, directions), directions)
    return directions


def align_orientation_to_video(head_orientation_xyzw: Tensor, frame: Frame) -> Tensor:
    """Orientations in the frame of the video.

    A mirror exchanges left and right of the head as well (else the result would be no rotation): it
    keeps the turn about x and reverses those about y and z.

    Args:
        head_orientation_xyzw: Recorded unit quaternions, shape ``(..., 4)``.
        frame: How the recorded axes lie in it.

    Returns:
        Unit quaternions, shape ``(..., 4)``.
    """
    if frame.mirror:
        signs = head_orientation_xyzw.new_tensor((1.0, -1.0, -1.0, 1.0))
        head_orientation_xyzw = head_orientation_xyzw * signs
    if frame.video_yaw_offset_deg:
        turn_xyzw = _turn_xyzw(frame.video_yaw_offset_deg, head_orientation_xyzw)
        head_orientation_xyzw = multiply_quaternions(turn_xyzw, head_orientation_xyzw)
    return head_orientation_xyzw


def _turn_xyzw(yaw_deg: float, like: Tensor) -> Tensor:
    half_rad = math.radians(yaw_deg) / 2
    return like.new_tensor((0.0, math.sin(half_rad), 0.0, math.cos(half_rad)))
