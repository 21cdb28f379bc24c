"""Which rows of a Meta Quest Pro recording count: those of the playback, matched across its tables.

Treats the clock's defects 2 and 8 of docs/CONVENTIONS.md.
"""

import logging

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.recordings.clock import increasing_rows
from vpnet.recordings.csv_table import FIRST_LINE

_LOGGER = logging.getLogger(__name__)


def playback_rows(
    head: pl.DataFrame, file: str, use_timestamp_as_playback: bool = False
) -> tuple[Tensor, Tensor]:
    """Rows during which the video played, and their playback time.

    Left out are rows before playback (VideoFrame or PlaybackTime negative, and PlaybackTime 0 in
    more than one row: which of them began the playback cannot be told), rows after it with
    VideoFrame -1, and rows whose clock does not increase.

    Args:
        head: The head table: PlaybackTime, VideoFrame where the layout has it, Timestamp.
        file: Its file, for messages.
        use_timestamp_as_playback: Where PlaybackTime is 0 throughout, take the time since the first
            row, by Timestamp.

    Returns:
        Indices of the rows, int64, and their playback time in seconds, each of shape ``(kept,)``.

    Raises:
        InputError: The player was not synchronised, the clock steps back, or fewer than 2 rows are
            left.
    """
    playback_s = _float64(head["PlaybackTime"])
    playing = playback_s >= 0
    if (playback_s == 0).all():
        if not use_timestamp_as_playback:
            raise InputError(
                f"{file}, column PlaybackTime: playback time must run, found 0 in all "
                f"{len(head)} rows: the player was not synchronised. Leave the recording out, or "
                "set use_timestamp_as_playback=true if it was started together with the video"
            )
        playback_s = _seconds_since_start(head["Timestamp"], file)
        _LOGGER.warning("%s: PlaybackTime is 0 throughout; Timestamp is used in its place", file)
    elif "VideoFrame" in head.columns:
        frame = _float64(head["VideoFrame"])
        # A player that never reports a frame still has its clock.
        playing = playing & ((frame >= 0) | (frame < 0).all())

    started = torch.nonzero(playing & (playback_s > 0)).squeeze(-1)
    if len(started) == 0:
        raise InputError(
            f"{file}: no row has a PlaybackTime above 0 and a VideoFrame of 0 or more; the video "
            "was never played, leave the recording out"
        )
    begin, end = int(torch.nonzero(playing)[0]), int(started[-1]) + 1
    if int(started[0]) - begin > 1:
        begin = int(started[0])
    kept = begin + increasing_rows(playback_s[begin:end], file, FIRST_LINE + begin)
    kept = kept[playing[kept]]
    if len(kept) < 2:
        raise InputError(
            f"{file}: a recording needs at least 2 rows during playback, found {len(kept)} among "
            f"{len(head)}; leave the recording out"
        )
    if len(head) > end - begin:
        _LOGGER.info(
            "%s: dropped %d rows before playback and %d after", file, begin, len(head) - end
        )
    return kept, playback_s[kept]


def _seconds_since_start(timestamps: pl.Series, file: str) -> Tensor:
    """Time since the first row, of a Timestamp in seconds or (told by its steps) milliseconds."""
    if not timestamps.dtype.is_numeric():
        raise InputError(
            f"{file}, column Timestamp: to serve as playback time it must hold numbers, found "
            f"{timestamps[0]!r}; convert it to seconds"
        )
    elapsed = _float64(timestamps)
    elapsed = elapsed - elapsed[0]
    step = float(elapsed.diff().median()) if len(elapsed) > 1 else 0.0
    if not 0 < step < 1000:
        raise InputError(
            f"{file}, column Timestamp: to serve as playback time it must be in seconds or "
            f"milliseconds, found a median step of {step:g}; convert it to seconds"
        )
    return elapsed if step < 1 else elapsed / 1000


def matched_rows(head: pl.DataFrame, other: pl.DataFrame, rows: Tensor, file: str) -> pl.DataFrame:
    """Rows of another table that belong to rows of the head table, by Timestamp.

    Where a Timestamp repeats, its first occurrence belongs to the first, and so on.

    Args:
        head: The head table.
        other: The eye or face table.
        rows: Rows of the head table, shape ``(samples,)``.
        file: The other table's file, for messages.

    Returns:
        A row for each sample; null where the other table has none.

    Raises:
        InputError: No Timestamp is in both tables.
    """
    wanted = pl.Series("row", rows.numpy())
    if head["Timestamp"].equals(other["Timestamp"]):
        return other[wanted]
    found = 0
    joined = other.clear()
    if head["Timestamp"].dtype == other["Timestamp"].dtype:
        occurrence = pl.int_range(pl.len()).over("Timestamp").alias("occurrence")
        keys = head.select("Timestamp", occurrence).with_row_index("row")
        marked = other.with_columns(occurrence, pl.lit(True).alias("present"))
        joined = keys.join(marked, on=["Timestamp", "occurrence"], how="left").sort("row")
        joined = joined[wanted]
        found = int(joined["present"].sum())
    if found == 0:
        raise InputError(
            f"{file}: no Timestamp is among those of head.csv (the first are "
            f"{other['Timestamp'][0]} and {head['Timestamp'][0]}); the file belongs to another "
            "recording: put the right one in its place, or remove it to read the recording without"
        )
    if found < len(joined):
        _LOGGER.warning(
            "%s: %d of %d rows of head.csv have no row here and are marked invalid",
            file,
            len(joined) - found,
            len(joined),
        )
    return joined.select(other.columns)


def _float64(series: pl.Series) -> Tensor:
    return torch.from_numpy(series.cast(pl.Float64).to_numpy(writable=True))
