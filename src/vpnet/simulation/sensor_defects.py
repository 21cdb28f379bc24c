"""Defects of sensors in simulated tables. Each provokes the finding of its name."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import (
    FORWARD,
    direction_from_angles,
    great_circle_distance,
    interpolate_directions,
    yaw_and_elevation,
)
from vpnet.geometry.rotations import (
    forward_direction,
    multiply_quaternions,
    quaternion_from_angles,
    rotate,
)
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.behaviour import EYE_RANGE_RAD
from vpnet.simulation.headset_tables import (
    CONFIDENCE_COLUMNS,
    GAZE_COLUMNS,
    OPENNESS_COLUMNS,
    PUPIL_COLUMNS,
    QUATERNION_COLUMNS,
    QuestProTables,
    gaze_in_head,
    gaze_tracked,
    head_orientation,
    matrix,
    offset_columns,
    rows_of,
    with_columns,
    with_face_weights,
    with_gaze_in_head,
    with_gaze_lost,
    with_gaze_of_rows,
    with_head,
    wrap_deg,
)
from vpnet.simulation.quest_pro_tables import TRACKED_CONFIDENCE

STILL_RANGE_DEG = 2.0
RECENTERED_DEG = 60.0
TILT_DEG = 40.0
EXCHANGED_AXES_DEG = 90.0


def calmest_start(tables: QuestProTables, rows: int) -> int:
    """The row from which the head turns least until so many rows later.

    What is cut out or held there leaves no jump behind.
    """
    orientation_xyzw = head_orientation(tables)
    alike = (orientation_xyzw[:-rows] * orientation_xyzw[rows:]).sum(dim=1).abs()
    # Not the very first row, which begins the playback.
    return 1 + int(alike[1:].argmax())


def head_frozen(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The recorded head stays still for 2.5 s while the eyes keep moving."""
    rows = rows_of(tables, 2.5)
    start = calmest_start(tables, rows)
    orientation_xyzw = head_orientation(tables)
    orientation_xyzw[start : start + rows] = orientation_xyzw[start]
    return with_head(tables, orientation_xyzw)


def head_still(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The headset is on a table: hardly any movement."""
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


SLOW_GAZE_S = 5 / 72
SHIFT_DEG = 20.0
BEYOND_REACH_DEG = 52.0
LOW_CONFIDENCE = 0.3
RECORDED_FIXATION_DEG_S = 30.0


def gaze_rate_low(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """A slower eye tracker: gaze is held for 5 rows."""
    rows, hold = np.arange(len(tables.eye)), rows_of(tables, SLOW_GAZE_S)
    return with_gaze_of_rows(tables, rows // hold * hold)


def offset_shifted(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The eye tracker was not calibrated: it sees the eyes higher, or lower, than they are."""
    in_head = gaze_in_head(tables)
    up = math.copysign(1.0, float(in_head[torch.from_numpy(gaze_tracked(tables)), 1].median()))
    zero = in_head.new_zeros(())
    shift_xyzw = quaternion_from_angles(zero, zero + up * math.radians(SHIFT_DEG), zero)
    shifted = rotate(shift_xyzw, in_head)
    # No tracker sees an eye further to the side than eyes turn.
    ahead = in_head.new_tensor(FORWARD)
    reached = (EYE_RANGE_RAD / great_circle_distance(ahead, shifted)).clamp(max=1.0)
    return with_gaze_in_head(tables, interpolate_directions(ahead, shifted, reached))


def gaze_opposes_head(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """Left and right are exchanged in the eyes, but not in the head."""
    in_head = gaze_in_head(tables)
    return with_gaze_in_head(tables, in_head * in_head.new_tensor((-1.0, 1.0, 1.0)))


def offsets_beyond_reach(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """For a while the eyes seem to point further to the side than eyes turn."""
    rows = rows_of(tables, 0.3)
    start = _steadiest_start(tables, rows)
    in_head = gaze_in_head(tables)
    yaw_deg = BEYOND_REACH_DEG + rng.normal(0.0, 0.5, size=rows)
    yaw_rad = torch.deg2rad(torch.from_numpy(yaw_deg * rng.choice((-1.0, 1.0))))
    in_head[start : start + rows] = direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad))
    return with_gaze_in_head(tables, in_head)


def gaze_stuck(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The same gaze is reported as valid for 0.7 s."""
    length = rows_of(tables, 0.7)
    start = _steadiest_start(tables, length)
    rows = np.arange(len(tables.eye))
    rows[start : start + length] = start
    return with_gaze_of_rows(tables, rows)


def gaze_lost(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The eyes are not found for 0.6 s again and again, a third of the time."""
    period = rows_of(tables, 1.9)
    row = np.arange(len(tables.eye)) + int(rng.integers(period))
    return with_gaze_lost(tables, row % period < rows_of(tables, 0.6))


def tracking_lost(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The eyes are not found for 1.6 s."""
    lost = np.zeros(len(tables.eye), dtype=bool)
    rows = rows_of(tables, 1.6)
    start = int(rng.integers(1, len(lost) - rows))
    lost[start : start + rows] = True
    return with_gaze_lost(tables, lost)


def _steadiest_start(tables: QuestProTables, rows: int) -> int:
    """The row that begins the stretch in which gaze, tracked throughout, moves least."""
    gaze = matrix(tables.eye, GAZE_COLUMNS)
    moved_rad = np.append(great_circle_distance(gaze[1:], gaze[:-1]).numpy(), 0.0)
    # A row without tracking is dearer than any movement.
    cost = moved_rad + 1000.0 * ~gaze_tracked(tables)
    total = np.cumsum(np.concatenate(([0.0], cost)))
    return int(np.argmin(total[rows:] - total[:-rows]))


def confidence_low(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The tracker is unsure for a quarter of the time."""
    rows = len(tables.eye)
    unsure = _stretch(rows, rows // 4, rng) & gaze_tracked(tables)
    confidence = np.where(unsure, LOW_CONFIDENCE, tables.eye["LeftConfidence"].to_numpy())
    return with_columns(tables, eye=dict.fromkeys(CONFIDENCE_COLUMNS, confidence))


def gaze_angles_disagree(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The recorded yaw of the gaze has the wrong sign."""
    mirrored = 30.0 - tables.eye["GazeYaw"].to_numpy()
    return with_columns(tables, eye={"GazeYaw": mirrored})


def openness_is_confidence(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The columns of the lids' openness hold the tracker's confidence."""
    confidences = (tables.eye[name].to_numpy() for name in CONFIDENCE_COLUMNS)
    openness: dict[str, np.ndarray] = dict(zip(OPENNESS_COLUMNS, confidences, strict=True))
    return with_columns(tables, eye=openness, combined=openness)


def openness_inconsistent(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The columns of the lids' openness say how far they are closed."""
    closed = {name: 1 - tables.eye[name].to_numpy() for name in OPENNESS_COLUMNS}
    return with_columns(tables, eye=closed, combined=closed)


def pupil_not_measured(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """Pupil columns without a measurement: -1 in layout v2, which becomes 0 in v1."""
    nothing = np.full(len(tables.eye), -1)
    return with_columns(tables, eye=dict.fromkeys(PUPIL_COLUMNS, nothing))


def fixations_on_held_rows(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """Recorded fixations compare neighbouring rows, of which a held one seems to stand still."""
    clock_s = tables.eye["Timestamp"].to_numpy()
    gaze = matrix(tables.eye, GAZE_COLUMNS)
    moved_deg = np.rad2deg(great_circle_distance(gaze[1:], gaze[:-1]).numpy())
    slow = moved_deg / np.diff(clock_s) < RECORDED_FIXATION_DEG_S
    fixating = np.concatenate(([False], slow))
    row = np.arange(len(fixating))
    last_moving = np.maximum.accumulate(np.where(fixating, 0, row))
    return with_columns(
        tables,
        eye={
            "IsFixating": fixating.astype(int),
            "FixationDurationMs": 1000 * (clock_s - clock_s[last_moving]),
        },
    )


SLOW_FACE_S = 1 / 3
DEAD_WEIGHTS = ("Cheek_Puff_L", "Cheek_Puff_R", "Jaw_Thrust", "Lips_Toward")
SATURATED_WEIGHT = "Lip_Pressor_L"
BLINK_EVERY_S = 0.75
BLINK_S = 1 / 12
UNNAMED = {name: f"Expr_{number}" for number, name in enumerate(FACE_WEIGHTS)}

_CLOSED = [FACE_WEIGHTS.index(name) for name in ("Eyes_Closed_L", "Eyes_Closed_R")]


def face_rate_low(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The face is measured 3 times a second."""
    rows, hold = np.arange(len(tables.face)), rows_of(tables, SLOW_FACE_S)
    return with_face_weights(tables, _weights(tables)[rows // hold * hold])


def face_stuck(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The same face is reported as valid for 2.5 s."""
    weights, rows = _weights(tables), rows_of(tables, 2.5)
    # A stuck face with closed eyes would be a blink of 2.5 s.
    open_rows = np.flatnonzero((weights[:-rows, _CLOSED] < 0.5).all(axis=1))
    start = int(rng.choice(open_rows))
    weights[start : start + rows] = weights[start]
    return with_face_weights(tables, weights)


def face_dead(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """A few weights never move."""
    weights = _weights(tables)
    weights[:, [FACE_WEIGHTS.index(name) for name in DEAD_WEIGHTS]] = 0.0
    return with_face_weights(tables, weights)


def face_saturated(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """One weight is at its end most of the time."""
    weights = _weights(tables)
    weights[3 * len(weights) // 10 :, FACE_WEIGHTS.index(SATURATED_WEIGHT)] = 1.0
    return with_face_weights(tables, weights)


def blink_rate(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """Eighty blinks a minute in the place of the viewer's own."""
    rows = len(tables.face)
    blinking = np.zeros(rows, dtype=bool)
    period, length = rows_of(tables, BLINK_EVERY_S), rows_of(tables, BLINK_S)
    for start in range(period // 2, rows - length, period):
        begin = start + int(rng.integers(-length, length))
        blinking[begin : begin + length] = True
    weights = _weights(tables)
    weights[:, _CLOSED] = np.where(blinking, 0.97, 0.0)[:, None]
    eye = tables.eye.with_columns(
        pl.lit(1, dtype=pl.Int64).alias("BothEyesValid"),
        *(pl.lit(TRACKED_CONFIDENCE).alias(name) for name in CONFIDENCE_COLUMNS),
    )
    return with_gaze_lost(with_face_weights(replace(tables, eye=eye), weights), blinking)


def face_lost(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The face is not found for a third of the time, and says so."""
    rows = len(tables.face)
    lost = _stretch(rows, rows // 3, rng)
    valid = tables.face["FaceIsValid"] * pl.Series(~lost).cast(pl.Int64)
    without = replace(tables, face=tables.face.with_columns(valid.alias("FaceIsValid")))
    return with_face_weights(without, np.where(lost[:, None], 0.0, _weights(tables)))


def face_dropout(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The face is not found for 1.5 s, and is reported as valid."""
    lost = _stretch(len(tables.face), rows_of(tables, 1.5), rng)
    return with_face_weights(tables, np.where(lost[:, None], 0.0, _weights(tables)))


def face_out_of_range(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """One measurement of one weight is above 1."""
    wrong = _stretch(len(tables.face), rows_of(tables, BLINK_S), rng)
    weight = pl.when(pl.Series(wrong)).then(1.35).otherwise(pl.col("Jaw_Drop"))
    return replace(tables, face=tables.face.with_columns(weight.alias("Jaw_Drop")))


def weights_unnamed(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The weights are numbered in the place of their names."""
    return replace(tables, face=tables.face.rename(UNNAMED))


def _weights(tables: QuestProTables) -> np.ndarray:
    return matrix(tables.face, FACE_WEIGHTS).numpy()


def _stretch(rows: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Consecutive rows somewhere, booleans, shape ``(rows,)``."""
    chosen = np.zeros(rows, dtype=bool)
    start = int(rng.integers(rows - length))
    chosen[start : start + length] = True
    return chosen
