"""The rows of a Meta Quest Pro recording that were written during playback, matched across tables.

Treats the clock's defects 2 and 8 of docs/CONVENTIONS.md.
"""

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.quest_pro.files import RawTables
from vpnet.recordings.clock import increasing_rows
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.findings import RULES, Finding, Severity, line_ranges

UNITS_PER_S = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
"""The headset's own clock, Timestamp, is written in one of these units."""

USUAL_STEP_S = (0.0005, 0.5)
"""Only one unit puts the usual step of a headset's clock in here."""

FEW_ROWS_MISSING = 0.01
"""A smaller share of missing rows makes no difference."""

FOREIGN_SHARE = 0.1
"""Files of two recordings share a Timestamp now and then by chance, but not one in ten."""

STANDSTILL = 3
"""At the end, a clock held for so many times as long as it usually is has stopped."""


class UnusableRecording(InputError):
    """A recording of which nothing can be used, whatever is accepted."""

    def __init__(self, found: str, file: str, rows: int) -> None:
        self.finding = RULES["never_played"].broken(found, file=file, rows=rows)
        super().__init__(self.finding.message)


def elapsed_seconds(timestamps: pl.Series) -> pl.Series | None:
    """Time since the first row by Timestamp, in seconds, float64, shape ``(rows,)``.

    None where timestamps are dates, or their steps have the size of no unit.
    """
    if not timestamps.dtype.is_numeric() or len(timestamps) < 2:
        return None
    elapsed = timestamps - timestamps[0]
    usual_step = elapsed.diff().median()
    if not isinstance(usual_step, float):
        return None
    for per_s in UNITS_PER_S.values():
        if USUAL_STEP_S[0] <= usual_step / per_s < USUAL_STEP_S[1]:
            return elapsed / per_s
    return None


def playback_rows(
    head: pl.DataFrame, file: str, findings: list[Finding], use_timestamp_as_playback: bool = False
) -> tuple[Tensor, Tensor]:
    """Rows during which the video played, and their playback time.

    Left out are rows before playback (VideoFrame or PlaybackTime negative, and PlaybackTime 0 in
    more than one row, since any of them may have begun the playback), rows after it (VideoFrame -1,
    or a clock that has stopped), and rows whose clock does not increase. Where PlaybackTime is 0
    throughout, the time since the first row by Timestamp takes its place.

    Args:
        head: The head table: PlaybackTime, VideoFrame where the layout has it, Timestamp.
        file: Its file, for messages.
        findings: What was left out or refused is added here.
        use_timestamp_as_playback: Whether a PlaybackTime that is 0 throughout is no error.

    Returns:
        Indices of the rows, int64, and their playback time in seconds, each of shape ``(kept,)``.

    Raises:
        UnusableRecording: Fewer than 2 rows are left.
        InputError: Timestamp is to be used as playback time, and is no clock.
    """
    playback_s = _float64(head["PlaybackTime"])
    playing = playback_s >= 0
    if (playback_s == 0).all():
        found = f"PlaybackTime must run, found 0 in all {len(head)} rows"
        severity = remedy = None
        if use_timestamp_as_playback:
            found += "; Timestamp takes its place (use_timestamp_as_playback=true)"
            severity = Severity.WARNING
            remedy = "make sure that it was started together with the video"
        findings.append(
            RULES["player_not_synchronised"].broken(
                found, file=file, rows=len(head), severity=severity, remedy=remedy
            )
        )
        playback_s = _timestamp_as_playback(head["Timestamp"], file)
    elif "VideoFrame" in head.columns:
        frame = _float64(head["VideoFrame"])
        # A player that never reports a frame still has its clock.
        playing = playing & ((frame >= 0) | (frame < 0).all())

    started = torch.nonzero(playing & (playback_s > 0)).squeeze(-1)
    if len(started) == 0:
        raise UnusableRecording(
            "no row has a PlaybackTime above 0 and a VideoFrame of 0 or more; the video was never "
            "played",
            file,
            len(head),
        )
    begin, end = int(torch.nonzero(playing)[0]), int(started[-1]) + 1
    if int(started[0]) - begin > 1:
        begin = int(started[0])
    # Without rows that have no frame: their clock is often 0, which would look like a restart.
    played = begin + torch.nonzero(playing[begin:end]).squeeze(-1)
    played = played[: len(played) - _standstill(playback_s[played])]
    end = int(played[-1]) + 1
    kept = played[increasing_rows(playback_s[played], file, FIRST_LINE + played, findings)]
    _note_left_out(playing, begin, end, file, findings)
    if len(kept) < 2:
        raise UnusableRecording(
            f"a recording needs at least 2 rows during playback, found {len(kept)} among "
            f"{len(head)}",
            file,
            len(head),
        )
    return kept, playback_s[kept]


def matched_rows(
    tables: RawTables,
    name: str,
    rows: Tensor,
    findings: list[Finding],
    foreign: Severity = Severity.ERROR,
) -> pl.Series | None:
    """Rows of another table that belong to rows of the head table, by Timestamp.

    Where a Timestamp repeats, its first occurrence belongs to the first, and so on.

    Args:
        tables: The tables of one recording.
        name: The other table: eye, face or combined.
        rows: Rows of the head table, shape ``(samples,)``.
        findings: Rows that are missing in either table are added here.
        foreign: Severity of a table that belongs to another recording.

    Returns:
        For each sample the number of a row in the other table, null where it has none; None if
        there is no such table or it belongs to another recording.
    """
    head = tables.head
    other: pl.DataFrame | None = getattr(tables, name)
    if other is None:
        return None
    head_file, file = tables.files.name_of("head"), tables.files.name_of(name)
    wanted = pl.Series("row", rows.numpy())
    if head["Timestamp"].equals(other["Timestamp"]):
        return wanted
    matched = pl.Series("row", [None] * len(head), dtype=pl.Int64)
    if head["Timestamp"].dtype == other["Timestamp"].dtype:
        occurrence = pl.int_range(pl.len()).over("Timestamp").alias("occurrence")
        theirs = other.select("Timestamp", occurrence, row=pl.int_range(pl.len()))
        matched = head.select("Timestamp", occurrence).join(
            theirs, on=["Timestamp", "occurrence"], how="left", maintain_order="left"
        )["row"]
    shared = len(matched) - matched.null_count()
    if shared <= FOREIGN_SHARE * min(len(head), len(other)):
        findings.append(
            RULES["foreign_file"].broken(
                f"the Timestamps must be those of head.csv, found {shared} of {len(other)} among "
                f"them (the first are {other['Timestamp'][0]} and {head['Timestamp'][0]})",
                file=file,
                rows=len(other) - shared,
                severity=foreign,
            )
        )
        return None
    matched = matched.gather(wanted)
    if matched.null_count():
        _note_missing(file, matched.null_count(), len(matched), head_file, findings)
    if shared < len(other):
        _note_missing(head_file, len(other) - shared, len(other), file, findings)
    return matched


def _note_missing(
    file: str, missing: int, of: int, other_file: str, findings: list[Finding]
) -> None:
    """Note that a file lacks rows; the head's once, however many of the others have them."""
    if any(one.code == "rows_missing" and one.file == file for one in findings):
        return
    findings.append(
        RULES["rows_missing"].broken(
            f"every row of {other_file} must have its own here, by Timestamp, found none for "
            f"{missing} of {of}",
            file=file,
            rows=missing,
            severity=Severity.NOTE if missing < FEW_ROWS_MISSING * of else None,
        )
    )


def _note_left_out(
    playing: Tensor, begin: int, end: int, file: str, findings: list[Finding]
) -> None:
    stopped = torch.nonzero(~playing[begin:end]).squeeze(-1) + begin
    for code, rows, where in (
        ("rows_before_playback", range(begin), "are before playback"),
        ("rows_after_playback", range(end, len(playing)), "are after playback"),
        ("rows_without_frame", stopped.tolist(), "have no VideoFrame amid playback"),
    ):
        if rows:
            findings.append(
                RULES[code].broken(
                    f"{len(rows)} of {len(playing)} rows {where}",
                    file=file,
                    lines=line_ranges(rows, FIRST_LINE),
                    rows=len(rows),
                )
            )


def _standstill(playback_s: Tensor) -> int:
    """How many rows at the end repeat a clock that has stopped."""
    held = torch.unique_consecutive(playback_s, return_counts=True)[1]
    stopped = len(held) > 1 and held[-1] > STANDSTILL * held[:-1].median()
    return int(held[-1]) - 1 if stopped else 0


def _timestamp_as_playback(timestamps: pl.Series, file: str) -> Tensor:
    elapsed_s = elapsed_seconds(timestamps)
    if elapsed_s is None:
        shown = ", ".join(map(str, timestamps[:3]))
        raise InputError(
            f"{file}, column Timestamp: to be used as playback time it must hold numbers "
            f"that count {', '.join(UNITS_PER_S)}, found {shown}; convert it to seconds"
        )
    return _float64(elapsed_s)


def _float64(series: pl.Series) -> Tensor:
    return torch.from_numpy(series.cast(pl.Float64).to_numpy(writable=True))
