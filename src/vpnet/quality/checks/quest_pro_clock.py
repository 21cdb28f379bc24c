"""Checks of the two clocks of a Quest Pro recording: the headset's Timestamp, the player's time."""

import polars as pl
import torch

from vpnet.quality.checks.played_rows import columns
from vpnet.quality.checks.runs import rows_in, runs_where
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.fixations import GAP_LIMIT_S
from vpnet.recordings.refusals import PLAYBACK_UNIT

ROW_RATE_HZ = 60.0
"""A Quest Pro writes 72 rows a second; a sixth less means dropped frames all along."""

PAUSE_S = 0.5
"""A player's clock that stands this long was paused: even at 5 frames a second it moves sooner."""

DRIFT = 0.01
"""1 % is 1.7 s over a video of 169 s."""

DRIFT_FROM_S = 10.0
"""Shorter recordings do not show so small a drift."""

OTHER_UNIT = 5.0
"""No player runs so much faster or slower than the clock."""

UNEVEN_S = 0.1
"""Where the two clocks advance so differently in one step there was a pause or a skip."""

ROW_RATE_LOW = Rule(
    "row_rate_low",
    Severity.WARNING,
    "Fewer rows a second than the headset can write",
    meaning="The headset was overloaded; what moves fast, above all gaze, is measured too rarely.",
    remedy="close other apps on the headset, or play a video of lower resolution",
)
PLAYBACK_PAUSED = Rule(
    "playback_paused",
    Severity.WARNING,
    "The video was paused",
    meaning="The rows of the pause belong to no moment of the video and are not used; directions "
    "jump where it resumes.",
    remedy="nothing to do if it is rare; leave the recording out if the viewer was interrupted",
)
CLOCK_DRIFT = Rule(
    "clock_drift",
    Severity.WARNING,
    "The video ran at another speed",
    meaning="Playback time and the headset's clock part; if it is playback time that is wrong, "
    "later samples lie at the wrong moments of the video.",
    remedy="check the video's frame rate in the player; leave the recording out if it is unclear",
)
RULES = (ROW_RATE_LOW, PLAYBACK_PAUSED, CLOCK_DRIFT)


def check_clocks(played: pl.DataFrame, file: str) -> tuple[list[Finding], dict[str, float]]:
    """Rate of rows, pauses, speed of the video.

    Args:
        played: The result of `vpnet.quality.checks.played_rows.played_rows`.
        file: The head table's file, for messages.
    """
    if len(played) < 2 or played["elapsed_s"].null_count():
        return [], {}
    playback_s, elapsed_s = columns(played, ("PlaybackTime", "elapsed_s")).unbind(dim=-1)
    steps_s = elapsed_s.diff()
    counted = (steps_s > 0) & (steps_s <= GAP_LIMIT_S)
    if not counted.any():
        return [], {}
    row_rate_hz = float(counted.sum() / steps_s[counted].sum())
    findings = []
    if row_rate_hz < ROW_RATE_HZ:
        findings.append(
            ROW_RATE_LOW.broken(
                f"a headset must write {ROW_RATE_HZ:g} rows a second or more, found "
                f"{row_rate_hz:.1f}",
                file=file,
            )
        )
    stands = torch.cat((counted.new_zeros(1), playback_s.diff() == 0))
    pauses = runs_where(stands)
    pauses[:, 0] -= 1
    # A clock that never moves again has not been paused.
    pauses = pauses[pauses[:, 1] < len(played) - 1]
    length_s = elapsed_s[pauses[:, 1]] - elapsed_s[pauses[:, 0]]
    pauses, length_s = pauses[length_s >= PAUSE_S], length_s[length_s >= PAUSE_S]
    if len(pauses):
        longest = int(length_s.argmax())
        lines = [
            (FIRST_LINE + played["row"][first], FIRST_LINE + played["row"][last])
            for first, last in pauses.tolist()
        ]
        findings.append(
            PLAYBACK_PAUSED.broken(
                f"PlaybackTime must not stand still for {PAUSE_S:g} s, found "
                f"{length_s[longest]:.1f} s at {playback_s[pauses[longest, 0]]:.1f} s of the video "
                f"(pauses: {len(pauses)})",
                file=file,
                lines=lines,
                rows=rows_in(pauses),
            )
        )
    moved = torch.nonzero(~stands).squeeze(-1)
    playback_steps_s, clock_steps_s = playback_s[moved].diff(), elapsed_s[moved].diff()
    even = (clock_steps_s > 0) & ((playback_steps_s - clock_steps_s).abs() < UNEVEN_S)
    measurements = {"row_rate_hz": row_rate_hz}
    if len(moved) > 2:
        speed = float(playback_steps_s.median() / clock_steps_s.median().clamp(min=1e-9))
        if not 1 / OTHER_UNIT < speed < OTHER_UNIT:
            found = (
                "PlaybackTime must be in seconds and advance as Timestamp does, found it "
                f"{speed:.4g} times as fast"
            )
            findings.append(PLAYBACK_UNIT.broken(found, file=file))
    seen_s = float(clock_steps_s[even].sum())
    if seen_s > 0:
        speed = float(playback_steps_s[even].sum()) / seen_s
        measurements["playback_speed"] = speed
        if abs(speed - 1) > DRIFT and seen_s >= DRIFT_FROM_S:
            findings.append(
                CLOCK_DRIFT.broken(
                    f"PlaybackTime must run as fast as Timestamp within {DRIFT:.0%}, found "
                    f"{speed:.3f} times as fast (pauses left out)",
                    file=file,
                )
            )
    return findings, measurements
