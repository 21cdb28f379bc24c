"""The rows of a headset's tables that lie within the playback, matched across the tables."""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.findings import line_ranges
from vpnet.recordings.quest_pro.files import RawTables
from vpnet.recordings.recording import Recording

UNITS_PER_S = (1.0, 1e3, 1e6, 1e9)
"""Timestamps are in seconds, milliseconds, microseconds or nanoseconds."""

USUAL_STEP_S = (0.0005, 0.5)
"""Only one unit puts the usual step of a headset's clock in here."""


def played_rows(tables: RawTables, recording: Recording | None) -> pl.DataFrame:
    """Rows of the head table from the video's first frame to its last, paused ones included.

    A clock that stands at 0 throughout tells nothing: then these are all rows.

    Args:
        tables: The tables.
        recording: What was read from them, if anything.

    Returns:
        ``row`` in the head table, ``Timestamp``, ``PlaybackTime``, the time since the first row by
        Timestamp as ``elapsed_s`` (null where Timestamp holds no numbers), the head's ``yaw_deg``
        and ``elevation_deg`` by the quaternion, and the ``sample`` of the recording, null for rows
        that are none.
    """
    head = tables.head
    quaternion_xyzw = columns(head, [f"UnitQuaternion.{axis}" for axis in "xyzw"])
    quaternion_xyzw = torch.nn.functional.normalize(quaternion_xyzw, dim=-1)
    yaw_rad, elevation_rad = yaw_and_elevation(forward_direction(quaternion_xyzw))
    rows = head.select("Timestamp", "PlaybackTime").with_columns(
        pl.int_range(pl.len()).alias("row"),
        pl.Series("elapsed_s", _elapsed_s(head["Timestamp"]), dtype=pl.Float64),
        pl.Series("yaw_deg", torch.rad2deg(yaw_rad).numpy()),
        pl.Series("elevation_deg", torch.rad2deg(elevation_rad).numpy()),
    )
    last = head["PlaybackTime"].arg_max() or 0
    if head["PlaybackTime"][last] > 0:
        rows = rows[_first_row(head["PlaybackTime"], recording) : last + 1]
    if recording is None:
        return rows.with_columns(pl.lit(None, dtype=pl.Int64).alias("sample"))
    samples = pl.DataFrame({"PlaybackTime": recording.timestamps_s.numpy()}).with_columns(
        pl.int_range(pl.len()).alias("sample")
    )
    joined = rows.join(samples, on="PlaybackTime", how="left", maintain_order="left")
    first = pl.col("sample").is_first_distinct() & pl.col("sample").is_not_null()
    return joined.with_columns(pl.when(first).then("sample").alias("sample"))


def matched(table: pl.DataFrame, played: pl.DataFrame) -> pl.DataFrame:
    """Rows of another table that were written together with played rows.

    Args:
        table: The eye, face or combined table.
        played: The result of `played_rows`.

    Returns:
        The table's columns, its ``row``, and those of ``played`` but Timestamp and PlaybackTime,
        the head's row as ``head_row``.
    """
    known = played.drop("PlaybackTime").rename({"row": "head_row"})
    if table["Timestamp"].dtype != known["Timestamp"].dtype:
        return (
            table.clear()
            .with_columns(pl.lit(None, pl.Int64).alias("row"))
            .join(known.clear().drop("Timestamp"), how="cross")
        )
    return (
        table.with_columns(pl.int_range(pl.len()).alias("row"))
        .unique("Timestamp", keep="first", maintain_order=True)
        .join(known.unique("Timestamp", keep="first"), on="Timestamp", maintain_order="left")
    )


def _first_row(playback_s: pl.Series, recording: Recording | None) -> int:
    """The row of the first frame; its time is 0 where the recording says that it began there."""
    running = (playback_s > 0).arg_max() or 0
    begins_at_0 = recording is not None and recording.timestamps_s[0] == 0
    return max(running - 1, 0) if begins_at_0 else running


def columns(table: pl.DataFrame, names: Sequence[str]) -> Tensor:
    """Columns of a table as numbers, shape ``(rows, columns)``; NaN where there is none."""
    values = table.select(pl.col(*names).cast(pl.Float64).fill_null(float("nan")))
    return torch.from_numpy(values.to_numpy(writable=True))


def lines_of(rows: pl.DataFrame, chosen: Tensor) -> list[tuple[int, int]]:
    """Ranges of lines in a table's file.

    Args:
        rows: The result of `matched` or `played_rows`.
        chosen: Which of its rows are meant, booleans, shape ``(rows,)``.
    """
    return line_ranges(rows["row"].to_numpy()[chosen.numpy()].tolist(), FIRST_LINE)


def _elapsed_s(timestamps: pl.Series) -> pl.Series:
    """Seconds since the first row; null where timestamps are dates or their unit is unclear."""
    unknown = pl.Series([None] * len(timestamps), dtype=pl.Float64)
    if not timestamps.dtype.is_numeric() or len(timestamps) < 2:
        return unknown
    elapsed = timestamps - timestamps[0]
    usual_step = elapsed.diff().median()
    for per_s in UNITS_PER_S:
        if isinstance(usual_step, float) and (
            USUAL_STEP_S[0] <= usual_step / per_s < USUAL_STEP_S[1]
        ):
            return elapsed / per_s
    return unknown
