"""Defects of the head's orientation in simulated tables. Each provokes the finding of its name."""

import math

import numpy as np
import torch
from torch import Tensor

from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.rotations import (
    forward_direction,
    multiply_quaternions,
    quaternion_from_angles,
)
from vpnet.simulation.derived_columns import matrix, offset_columns, wrap_deg
from vpnet.simulation.quest_pro_format import (
    QUATERNION_COLUMNS,
    QuestProTables,
)
from vpnet.simulation.table_streams import head_orientation, rows_of, with_columns, with_head

STILL_RANGE_DEG = 2.0
RECENTERED_DEG = 60.0
TILT_DEG = 40.0
EXCHANGED_AXES_DEG = 90.0


def calmest_start(tables: QuestProTables, rows: int) -> int:
    """The row from which the head turns least until it has seen so many rows go by.

    What is cut out or held there leaves no jump behind.

    Args:
        tables: Tables of more rows.
        rows: How many.
    """
    orientation_xyzw = head_orientation(tables)
    alike = (orientation_xyzw[:-rows] * orientation_xyzw[rows:]).sum(dim=1).abs()
    # Not the very first row, which begins the playback.
    return 1 + int(alike[1:].argmax())


def head_frozen(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The tracking of the headset stands still for 2.5 s, the eyes go on."""
    rows = rows_of(tables, 2.5)
    start = calmest_start(tables, rows)
    orientation_xyzw = head_orientation(tables)
    orientation_xyzw[start : start + rows] = orientation_xyzw[start]
    return with_head(tables, orientation_xyzw)


def head_still(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The headset lies on a table: hardly any movement."""
    yaw, elevation = yaw_and_elevation(forward_direction(head_orientation(tables)))
    yaw = torch.from_numpy(np.unwrap(yaw.numpy()))
    yaw, elevation = (_scaled_to_range(angle, STILL_RANGE_DEG) for angle in (yaw, elevation))
    return with_head(tables, quaternion_from_angles(yaw, elevation, torch.zeros_like(yaw)))


def _scaled_to_range(angle_rad: Tensor, range_deg: float) -> Tensor:
    middle = angle_rad.median()
    range_rad = float(angle_rad.max() - angle_rad.min())
    return middle + (angle_rad - middle) * min(1.0, math.radians(range_deg) / range_rad)


def head_jumps(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The view is recentred in the middle: from one row to the next all yaws are others."""
    rows = len(tables.head)
    start = int(rng.integers(rows // 3, 2 * rows // 3))
    orientation_xyzw = head_orientation(tables)
    turn_xyzw = _turn(yaw_deg=RECENTERED_DEG)
    orientation_xyzw[start:] = multiply_quaternions(turn_xyzw, orientation_xyzw[start:])
    return with_head(tables, orientation_xyzw)


def head_tilted(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The headset sits askew, or the viewer lies on one side."""
    roll_xyzw = _turn(roll_deg=TILT_DEG * rng.choice((-1.0, 1.0)))
    return with_head(tables, multiply_quaternions(head_orientation(tables), roll_xyzw))


def _turn(yaw_deg: float = 0.0, roll_deg: float = 0.0) -> Tensor:
    yaw_rad, zero, roll_rad = torch.deg2rad(
        torch.tensor((yaw_deg, 0.0, roll_deg), dtype=torch.float64)
    )
    return quaternion_from_angles(yaw_rad, zero, roll_rad)


def quaternion_not_unit(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """Three quaternions are too short."""
    start = int(rng.integers(1, len(tables.head) - 3))
    orientation_xyzw = matrix(tables.head, QUATERNION_COLUMNS)
    orientation_xyzw[start : start + 3] *= 0.7
    columns = dict(zip(QUATERNION_COLUMNS, orientation_xyzw.numpy().T, strict=True))
    return with_columns(tables, head=columns)


def euler_disagrees(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """EulerYaw is measured from another axis than the quaternion's yaw."""
    yaw_deg = wrap_deg(tables.head["EulerYaw"].to_numpy() + EXCHANGED_AXES_DEG)
    return with_columns(tables, head={"EulerYaw": yaw_deg})


def pitch_sign(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """EulerPitch, VelPitch and HeadPitch are positive up."""
    turned = {name: -tables.head[name].to_numpy() for name in ("EulerPitch", "VelPitch")}
    return with_columns(tables, head=turned, combined={"HeadPitch": turned["EulerPitch"]})


def mixed_pitch_sign(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The summary subtracts the head's pitch, positive down, from the gaze's, positive up.

    Where pitch_sign has made both positive up there is nothing to mix.
    """
    head_yaw, head_pitch, gaze_yaw, gaze_pitch = (
        tables.combined[name].to_numpy()
        for name in ("HeadYaw", "HeadPitch", "GazeYaw", "GazePitch")
    )
    mixed = offset_columns(head_yaw, head_pitch, gaze_yaw, gaze_pitch)
    return with_columns(tables, combined=mixed)
