"""Orientations beside head directions: kept where the two agree, and then they give the roll.

A file that holds both may hold the quaternion in the frame of the headset that wrote it. Such a
quaternion says nothing about the roll in the world, so it is not used.
"""

import torch
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.recording import AGREEMENT_TOLERANCE_DEG

IDENTITY_XYZW = (0.0, 0.0, 0.0, 1.0)

ORIENTATION_LEFT_OUT = Rule(
    "orientation_left_out",
    Severity.WARNING,
    "Quaternions do not fit the head direction",
    meaning="The head direction is used, but the roll is unknown: it reads as 0, and the offset of "
    "the gaze is that of an upright head.",
    remedy="convert the quaternions into the world frame (docs/CONVENTIONS.md), or remove them",
)


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
        ORIENTATION_LEFT_OUT.broken(
            f"quaternions must be there for every sample and point within {max_disagreement_deg:g} "
            f"degrees of the head direction, found {int((~measured & head_valid).sum())} missing "
            f"and up to {largest_deg:.3g} degrees between the two",
            file=file,
            rows=int(wrong.sum()),
        )
    )
    return None
