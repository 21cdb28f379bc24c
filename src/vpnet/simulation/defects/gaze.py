"""Defects of gaze, pupils and lids in simulated tables. Each provokes the finding of its name."""

import math

import numpy as np
import torch

from vpnet.geometry.directions import (
    FORWARD,
    direction_from_angles,
    great_circle_distance,
    interpolate_directions,
)
from vpnet.geometry.rotations import quaternion_from_angles, rotate
from vpnet.simulation.behaviour import EYE_RANGE_RAD
from vpnet.simulation.derived_columns import matrix
from vpnet.simulation.quest_pro_format import (
    CONFIDENCE_COLUMNS,
    GAZE_COLUMNS,
    OPENNESS_COLUMNS,
    PUPIL_COLUMNS,
    QuestProTables,
)
from vpnet.simulation.table_streams import (
    gaze_in_head,
    gaze_tracked,
    rows_of,
    with_columns,
    with_gaze_in_head,
    with_gaze_lost,
    with_gaze_of_rows,
)

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
    start = int(rng.integers(rows - rows // 4))
    unsure = np.zeros(rows, dtype=bool)
    unsure[start : start + rows // 4] = True
    unsure &= gaze_tracked(tables)
    confidence = np.where(unsure, LOW_CONFIDENCE, tables.eye["LeftConfidence"].to_numpy())
    return with_columns(tables, eye=dict.fromkeys(CONFIDENCE_COLUMNS, confidence))


def gaze_angles_disagree(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The recorded yaw of the gaze has the wrong sign."""
    mirrored = 30.0 - tables.eye["GazeYaw"].to_numpy()
    return with_columns(tables, eye={"GazeYaw": mirrored})


def openness_is_confidence(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The columns of the lids' openness hold the tracker's confidence."""
    confidences = (tables.eye[name].to_numpy() for name in CONFIDENCE_COLUMNS)
    return _with_openness(tables, dict(zip(OPENNESS_COLUMNS, confidences, strict=True)))


def openness_inconsistent(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The columns of the lids' openness say how far they are closed."""
    return _with_openness(
        tables, {name: 1 - tables.eye[name].to_numpy() for name in OPENNESS_COLUMNS}
    )


def _with_openness(tables: QuestProTables, columns: dict[str, np.ndarray]) -> QuestProTables:
    """Openness stands in two files."""
    return with_columns(tables, eye=columns, combined=columns)


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
