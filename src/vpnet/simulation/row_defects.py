"""Defects of clock and rows in simulated tables. Each provokes the finding of its name."""

from dataclasses import replace

import numpy as np
import polars as pl

from vpnet.simulation.headset_tables import (
    FRAME_RATE_HZ,
    TABLE_NAMES,
    QuestProTables,
    derive_tables,
    rows_of,
    with_columns,
)
from vpnet.simulation.sensor_defects import calmest_start

LATE_S = 1.5
EARLY_S = 3.0
GAP_S = 0.8
PAUSE_S = 0.8
RESTART_S = 1.5
WAIT_S = 1.0
DRIFT = 1.03
REPEATED_SHARE = 0.05
MISSING_SHARE = 0.03
OTHER_SESSION_S = 5000.0
ROWS_WITHOUT_FRAME = 5


def row_rate_low(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The headset is busy and writes every second row."""
    kept = _filtered(tables, np.arange(len(tables.head)) % 2 == 0)
    return derive_tables(kept.head, kept.eye, kept.face)


def starts_late(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """Recording begins 1.5 s after the video."""
    return _filtered(tables, _playback_s(tables) >= LATE_S)


def ends_early(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """Recording ends 3 s before the video."""
    playback_s = _playback_s(tables)
    return _filtered(tables, playback_s <= playback_s.max() - EARLY_S)


def playback_gaps(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """Nothing is written for 0.8 s."""
    rows, gap = len(tables.head), rows_of(tables, GAP_S)
    start = int(rng.integers(rows // 4, rows // 2))
    row = np.arange(rows)
    return _filtered(tables, (row < start) | (row >= start + gap))


def clock_drift(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The headset's clock runs 3 % faster than the video's."""
    timestamp_s = tables.head["Timestamp"].to_numpy()
    drifting_s = timestamp_s[0] + (timestamp_s - timestamp_s[0]) * DRIFT
    return _with_clock(tables, Timestamp=drifting_s)


def playback_unit(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The player wrote milliseconds."""
    return _with_clock(tables, PlaybackTime=1000 * _playback_s(tables))


def playback_paused(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The video stalls for 0.8 s while the recording continues."""
    rows = rows_of(tables, PAUSE_S)
    start = calmest_start(tables, rows)
    playback_s = _playback_s(tables)
    stalled_s = playback_s.copy()
    stalled_s[start : start + rows] = playback_s[start]
    stalled_s[start + rows :] = playback_s[start:-rows]
    return _with_playback(tables, stalled_s)


def playback_repeats(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The player's clock was read too soon in 5 % of the rows, and had not moved on."""
    playback_s = _playback_s(tables)
    later = 2 + np.flatnonzero(rng.random(len(playback_s) - 2) < REPEATED_SHARE)
    repeating_s = playback_s.copy()
    repeating_s[later] = playback_s[later - 1]
    return _with_playback(tables, repeating_s)


def playback_steps_back(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The video is set back by 1.5 s."""
    rows = rows_of(tables, RESTART_S)
    # Without the repeated scene the head is where it was.
    start = calmest_start(tables, rows)
    playback_s = _playback_s(tables)
    playback_s[start + 1 :] -= min(RESTART_S, playback_s[start])
    return _with_playback(tables, playback_s)


def rows_before_playback(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """Recording begins 1 s before the video, while the viewer looks around."""
    waiting = np.arange(min(rows_of(tables, WAIT_S), len(tables.head) - 1), 0, -1)
    first_s = tables.head["Timestamp"][0]
    return tables.changed(
        lambda table: pl.concat((_waiting(table[waiting], 2 * first_s, 0.0), table))
    )


def rows_after_playback(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The recording continues for 1 s after the video; its clock does not."""
    rows = len(tables.head)
    waiting = np.arange(rows - 2, rows - 2 - rows_of(tables, WAIT_S), -1)
    last_s, end_s = tables.head["Timestamp"][-1], tables.head["PlaybackTime"][-1]
    return tables.changed(
        lambda table: pl.concat((table, _waiting(table[waiting], 2 * last_s, end_s)))
    )


def _waiting(mirrored: pl.DataFrame, mirror_at_s: float, playback_s: float) -> pl.DataFrame:
    """Rows seen backwards in time as rows in which no video plays."""
    return mirrored.with_columns(
        (mirror_at_s - pl.col("Timestamp")).round(6).alias("Timestamp"),
        pl.lit(playback_s, dtype=pl.Float64).alias("PlaybackTime"),
        pl.lit(-1, dtype=pl.Int64).alias("VideoFrame"),
    )


def rows_without_frame(tables: QuestProTables, rng: np.random.Generator) -> QuestProTables:
    """The player reports nothing in a few rows amid playback."""
    rows = len(tables.head)
    first = int(rng.integers(rows // 4, rows // 2))
    playback_s, frame = _playback_s(tables), tables.head["VideoFrame"].to_numpy().copy()
    playback_s[first : first + ROWS_WITHOUT_FRAME] = 0.0
    frame[first : first + ROWS_WITHOUT_FRAME] = -1
    return _with_clock(tables, PlaybackTime=playback_s, VideoFrame=frame)


def never_played(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The player reports that nothing plays, from the first row to the last."""
    nothing = np.full(len(tables.head), -1)
    return _with_clock(tables, PlaybackTime=nothing.astype(float), VideoFrame=nothing)


def player_not_synchronised(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The player was never queried: PlaybackTime and VideoFrame are 0 throughout."""
    nothing = np.zeros(len(tables.head), dtype=int)
    return _with_clock(tables, PlaybackTime=nothing.astype(float), VideoFrame=nothing)


def rows_missing(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The face's file ends before the others."""
    kept = len(tables.face) - max(1, round(MISSING_SHARE * len(tables.face)))
    return replace(tables, face=tables.face[:kept])


def foreign_file(tables: QuestProTables, _rng: np.random.Generator) -> QuestProTables:
    """The eye's file was recorded at another time."""
    return replace(tables, eye=tables.eye.with_columns(pl.col("Timestamp") + OTHER_SESSION_S))


def _playback_s(tables: QuestProTables) -> np.ndarray:
    return tables.head["PlaybackTime"].to_numpy().copy()


def _with_playback(tables: QuestProTables, playback_s: np.ndarray) -> QuestProTables:
    """The same rows at other moments of the video."""
    frame = np.floor(playback_s * FRAME_RATE_HZ + 1e-9).astype(int)
    return _with_clock(tables, PlaybackTime=playback_s, VideoFrame=frame)


def _with_clock(tables: QuestProTables, **clock: np.ndarray) -> QuestProTables:
    """The same clock in every table."""
    return with_columns(tables, **dict.fromkeys(TABLE_NAMES, clock))


def _filtered(tables: QuestProTables, kept: np.ndarray) -> QuestProTables:
    """The same rows of every table; all lose or keep them together."""
    mask = pl.Series(kept)
    return tables.changed(lambda table: table.filter(mask))
