"""Defects of the face in simulated tables. Each provokes the finding of its name."""

from dataclasses import replace

import numpy as np
import polars as pl

from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.derived_columns import matrix
from vpnet.simulation.quest_pro_format import CONFIDENCE_COLUMNS, QuestProTables
from vpnet.simulation.quest_pro_tables import TRACKED_CONFIDENCE
from vpnet.simulation.table_streams import rows_of, with_face_weights, with_gaze_lost

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
