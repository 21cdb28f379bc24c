"""Which rows of a Meta Quest Pro recording count: those of the playback, matched across its tables.

Treats the clock's defects 2 and 8 of docs/CONVENTIONS.md.
"""

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.quest_pro.headset_clock import UNITS_PER_S, elapsed_seconds
from vpnet.recordings.clock import increasing_rows
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.findings import Finding, Rule, Severity, line_ranges
from vpnet.recordings.refusals import FOREIGN_FILE, NEVER_PLAYED, NOT_SYNCHRONISED

FEW_ROWS_MISSING = 0.01
"""A share of missing rows below which the other rows tell the same story."""

FOREIGN_SHARE = 0.1
"""Files of two recordings share a Timestamp now and then by chance, but not one in ten."""

STANDSTILL = 3
"""At the end, a clock held for so many times as long as it usually is has stopped."""

BEFORE_PLAYBACK = Rule(
    "rows_before_playback",
    Severity.NOTE,
    "Rows before playback",
    meaning="The headset recorded before the video began; these rows are not used.",
    remedy="leave it so",
)
AFTER_PLAYBACK = Rule(
    "rows_after_playback",
    Severity.NOTE,
    "Rows after playback",
    meaning="The headset recorded after the video had ended; these rows are not used.",
    remedy="leave it so",
)
WITHOUT_FRAME = Rule(
    "rows_without_frame",
    Severity.NOTE,
    "Rows without a frame amid playback",
    meaning="The player reported VideoFrame -1 while it played; these rows are not used.",
    remedy="leave it so if they are few, else find out whether the video stalled",
)
ROWS_MISSING = Rule(
    "rows_missing",
    Severity.WARNING,
    "A file lacks rows that another has",
    meaning="Where a row is missing in eye.csv or face.csv, gaze or face is marked as lost; where "
    "it is missing in head.csv, the moment is lost altogether.",
    remedy="copy the file again if it is shorter than it was on the headset",
)


class UnusableRecording(InputError):
    """A recording of which nothing can be used, whatever is accepted.

    Args:
        finding: Why.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def playback_rows(
    head: pl.DataFrame, file: str, findings: list[Finding], use_timestamp_as_playback: bool = False
) -> tuple[Tensor, Tensor]:
    """Rows during which the video played, and their playback time.

    Left out are rows before playback (VideoFrame or PlaybackTime negative, and PlaybackTime 0 in
    more than one row: which of them began the playback cannot be told), rows after it (VideoFrame
    -1, or a clock that has stopped), and rows whose clock does not increase. Where PlaybackTime is
    0 throughout, the time since the first row, by Timestamp, is taken for it.

    Args:
        head: The head table: PlaybackTime, VideoFrame where the layout has it, Timestamp.
        file: Its file, for messages.
        findings: What was left out or refused is added here.
        use_timestamp_as_playback: Whether a PlaybackTime that is 0 throughout is no error.

    Returns:
        Indices of the rows, int64, and their playback time in seconds, each of shape ``(kept,)``.

    Raises:
        UnusableRecording: Fewer than 2 rows are left.
        InputError: Timestamp is to serve as playback time, and is no clock.
    """
    playback_s = _float64(head["PlaybackTime"])
    playing = playback_s >= 0
    if (playback_s == 0).all():
        found = f"PlaybackTime must run, found 0 in all {len(head)} rows"
        if use_timestamp_as_playback:
            found += "; Timestamp is taken for it, as use_timestamp_as_playback asks"
        findings.append(
            NOT_SYNCHRONISED.broken(
                found,
                file=file,
                rows=len(head),
                severity=Severity.WARNING if use_timestamp_as_playback else None,
                remedy="make sure that it was started together with the video"
                if use_timestamp_as_playback
                else None,
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
            NEVER_PLAYED.broken(
                "no row has a PlaybackTime above 0 and a VideoFrame of 0 or more; the video was "
                "never played",
                file=file,
                rows=len(head),
            )
        )
    begin, end = int(torch.nonzero(playing)[0]), int(started[-1]) + 1
    if int(started[0]) - begin > 1:
        begin = int(started[0])
    # Rows without a frame go first: their clock often stands at 0, which would look like a restart.
    played = begin + torch.nonzero(playing[begin:end]).squeeze(-1)
    played = played[: len(played) - _standstill(playback_s[played])]
    end = int(played[-1]) + 1
    kept = played[increasing_rows(playback_s[played], file, FIRST_LINE + played, findings)]
    _note_left_out(playing, begin, end, file, findings)
    if len(kept) < 2:
        raise UnusableRecording(
            NEVER_PLAYED.broken(
                f"a recording needs at least 2 rows during playback, found {len(kept)} among "
                f"{len(head)}",
                file=file,
                rows=len(head),
            )
        )
    return kept, playback_s[kept]


def matched_rows(
    head: pl.DataFrame,
    other: pl.DataFrame,
    rows: Tensor,
    *,
    head_file: str,
    file: str,
    findings: list[Finding],
    foreign: Severity = Severity.ERROR,
) -> pl.Series | None:
    """Rows of another table that belong to rows of the head table, by Timestamp.

    Where a Timestamp repeats, its first occurrence belongs to the first, and so on.

    Args:
        head: The head table.
        other: The eye, face or combined table.
        rows: Rows of the head table, shape ``(samples,)``.
        head_file: The head table's file, for messages.
        file: The other table's file, for messages.
        findings: Rows that are missing in either table are added here.
        foreign: How grave it is if the table belongs to another recording.

    Returns:
        For each sample the number of a row in ``other``, null where it has none; None if the table
        belongs to another recording.
    """
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
            FOREIGN_FILE.broken(
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
    if any(one.code == ROWS_MISSING.code and one.file == file for one in findings):
        return
    findings.append(
        ROWS_MISSING.broken(
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
    for rule, rows, where in (
        (BEFORE_PLAYBACK, range(begin), "lie before playback"),
        (AFTER_PLAYBACK, range(end, len(playing)), "lie after playback"),
        (WITHOUT_FRAME, stopped.tolist(), "have no VideoFrame amid playback"),
    ):
        if rows:
            findings.append(
                rule.broken(
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
            f"{file}, column Timestamp: to serve as playback time it must hold numbers "
            f"that count {', '.join(UNITS_PER_S)}, found {shown}; convert it to seconds"
        )
    return _float64(elapsed_s)


def _float64(series: pl.Series) -> Tensor:
    return torch.from_numpy(series.cast(pl.Float64).to_numpy(writable=True))
