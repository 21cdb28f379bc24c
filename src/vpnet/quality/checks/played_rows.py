"""The rows of a headset's tables that lie within the playback, matched across the tables."""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.rotations import forward_direction
from vpnet.quest_pro.rows import elapsed_seconds
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.findings import line_ranges


def played_rows(head: pl.DataFrame, kept: Tensor | None) -> pl.DataFrame:
    """Rows of the head table from the video's first frame to its last, paused ones included.

    Args:
        head: The head table.
        kept: Those of its rows that the samples of the recording were read from, increasing, shape
            ``(samples,)``; None where the playback is unknown: then these are all rows.

    Returns:
        ``row`` in the head table, ``Timestamp``, ``PlaybackTime``, the time since the first row by
        Timestamp as ``elapsed_s`` (null where Timestamp holds no numbers), the head's ``yaw_deg``
        and ``elevation_deg`` by the quaternion, and the ``sample`` of the recording, null for rows
        that are none.
    """
    quaternion_xyzw = columns(head, [f"UnitQuaternion.{axis}" for axis in "xyzw"])
    quaternion_xyzw = torch.nn.functional.normalize(quaternion_xyzw, dim=-1)
    yaw_rad, elevation_rad = yaw_and_elevation(forward_direction(quaternion_xyzw))
    sample = torch.full((len(head),), -1)
    if kept is not None:
        sample[kept] = torch.arange(len(kept))
    rows = head.select("Timestamp", "PlaybackTime").with_columns(
        pl.int_range(pl.len()).alias("row"),
        pl.lit(elapsed_seconds(head["Timestamp"]), dtype=pl.Float64).alias("elapsed_s"),
        pl.Series("yaw_deg", torch.rad2deg(yaw_rad).numpy()),
        pl.Series("elevation_deg", torch.rad2deg(elevation_rad).numpy()),
        pl.Series("sample", sample.numpy()).replace(-1, None),
    )
    return rows if kept is None else rows[int(kept[0]) : int(kept[-1]) + 1]


def matched(table: pl.DataFrame, played: pl.DataFrame) -> pl.DataFrame:
    """Rows of the eye, face or combined table that were written together with `played_rows`.

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


def columns(table: pl.DataFrame, names: Sequence[str]) -> Tensor:
    """Columns of a table as numbers, shape ``(rows, columns)``; NaN where there is none."""
    values = table.select(pl.col(*names).cast(pl.Float64).fill_null(float("nan")))
    return torch.from_numpy(values.to_numpy(writable=True))


def lines_of(rows: pl.DataFrame, chosen: Tensor) -> list[tuple[int, int]]:
    """Ranges of lines in a table's file: those of the chosen rows (booleans)."""
    return line_ranges(rows["row"].to_numpy()[chosen.numpy()].tolist(), FIRST_LINE)
