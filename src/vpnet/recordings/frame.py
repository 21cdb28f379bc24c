"""From the headset's axes to those of the video frame, and orientations that fit the head.

Whether the centre column of a video really is +z depends on how its sphere was mounted in the scene
(docs/CONVENTIONS.md, defect 10), so every data set says how far it was turned and whether it was
mirrored. The mirror (x to -x) comes first, then the turn: yaw = recorded yaw + offset.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.rotations import (
    IDENTITY_XYZW,
    forward_direction,
    multiply_quaternions,
    rotate,
)
from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.recording import AGREEMENT_TOLERANCE_DEG
from vpnet.settings import checked


@checked
@dataclass(frozen=True)
class Frame:
    """How the axes of a data set relate to the frame of its videos.

    `vpnet align` finds both from where people looked.

    Args:
        video_yaw_offset_deg: Turn of the video against the recorded axes: added to the yaw of head
            and gaze, after the mirror, positive to the right, in degrees.
        mirror: Whether left and right are exchanged, before the turn.
    """

    video_yaw_offset_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    mirror: bool = False


def align_to_video(directions: Tensor, frame: Frame) -> Tensor:
    """Recorded directions (head or gaze) in the frame of the video, shape ``(..., 3)``."""
    if frame.mirror:
        directions = directions * directions.new_tensor((-1.0, 1.0, 1.0))
    if frame.video_yaw_offset_deg:
        directions = rotate(_turn_xyzw(frame.video_yaw_offset_deg, directions), directions)
    return directions


def align_orientation_to_video(head_orientation_xyzw: Tensor, frame: Frame) -> Tensor:
    """Recorded orientations in the frame of the video, unit quaternions, shape ``(..., 4)``.

    A mirror exchanges left and right of the head as well (else the result would be no rotation): it
    keeps the turn about x and reverses those about y and z.
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


def agreeing_orientation(
    orientation_xyzw: Tensor,
    measured: Tensor,
    viewport_center: Tensor,
    head_valid: Tensor,
    findings: list[Finding],
    *,
    file: str,
    max_disagreement_deg: float = AGREEMENT_TOLERANCE_DEG,
) -> Tensor | None:
    """One recording's quaternions, if all of them point where the head does.

    A file with quaternions and head directions may hold the quaternions in the frame of the headset
    that wrote it. Such a quaternion does not give the roll in the world, so it is not used.

    Args:
        orientation_xyzw: Unit quaternions, shape ``(rows, 4)``.
        measured: Which of them were measured, shape ``(rows,)``.
        viewport_center: Where the head points, unit vectors, shape ``(rows, 3)``; (0, 0, 1) where
            it was lost.
        head_valid: Which of these were measured, shape ``(rows,)``.
        findings: Quaternions that are left out are added here.
        file: Their file, for messages.
        max_disagreement_deg: How far from the head direction a quaternion may point.

    Returns:
        The quaternions, the identity where the head was lost, shape ``(rows, 4)``; None where one
        is missing or disagrees.
    """
    identity = orientation_xyzw.new_tensor(IDENTITY_XYZW)
    orientation_xyzw = torch.where(head_valid.unsqueeze(-1), orientation_xyzw, identity)
    apart_rad = great_circle_distance(forward_direction(orientation_xyzw), viewport_center)
    wrong = head_valid & ~(measured & (torch.rad2deg(apart_rad) <= max_disagreement_deg))
    if not wrong.any():
        return orientation_xyzw
    largest_deg = float(torch.rad2deg(apart_rad[measured & head_valid]).amax())
    findings.append(
        RULES["orientation_left_out"].broken(
            f"quaternions must be there for every sample and point within {max_disagreement_deg:g} "
            f"degrees of the head direction, found {int((~measured & head_valid).sum())} missing "
            f"and up to {largest_deg:.3g} degrees between the two",
            file=file,
            rows=int(wrong.sum()),
        )
    )
    return None
