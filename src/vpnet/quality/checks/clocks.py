"""Checks of the clocks: gaps, a late start, rates, pauses, and the speed of the video."""

import polars as pl
import torch
from torch import Tensor

from vpnet.quality.checks.found import Found, rows_in, runs_where, sample_durations_s
from vpnet.quality.checks.played_rows import columns
from vpnet.recordings.csv_table import FIRST_LINE
from vpnet.recordings.gaze import GAP_LIMIT_S
from vpnet.recordings.recording import Recording

GAP_S = 0.25
"""Across a longer gap the face is not interpolated by default, nor the gaze (0.1 s)."""

GAP_STEPS = 3
"""In slower recordings, a gap is at least so many times the usual step."""

LATE_S = 1.0
"""A viewing that begins later than this missed the first sight of the scene."""

ROW_RATE_HZ = 60.0
"""A Quest Pro writes 72 rows a second; a sixth less means dropped frames all along."""

PAUSE_S = 0.5
"""A player's clock that is held this long was paused: even at 5 frames a second it moves sooner."""

DRIFT = 0.01
"""1 % is 1.7 s over a video of 169 s."""

DRIFT_FROM_S = 10.0
"""Shorter recordings do not show so small a drift."""

OTHER_UNIT = 5.0
"""No player runs so much faster or slower than the clock."""

UNEVEN_S = 0.1
"""Where the two clocks advance so differently in one step there was a pause or a skip."""


def check_playback(recording: Recording, found: Found) -> None:
    """Gaps, a late start, rates."""
    timestamps_s = recording.timestamps_s
    steps_s = timestamps_s.diff()
    limit_s = max(GAP_S, GAP_STEPS * float(steps_s.median()))
    gaps = int((steps_s > limit_s).sum())
    if gaps:
        longest = int(steps_s.argmax())
        found.broken(
            "playback_gaps",
            f"samples must follow within {limit_s:.2f} s, found {steps_s[longest]:.2f} s "
            f"after {timestamps_s[longest]:.1f} s of playback (gaps: {gaps})",
        )
    first_s = float(timestamps_s[0])
    if first_s > LATE_S:
        found.broken(
            "starts_late",
            f"the first sample must lie within {LATE_S:g} s of the video's start, found "
            f"{first_s:.1f} s",
        )
    found.measurements.update(
        rows=float(recording.samples),
        duration_s=recording.duration_s,
        first_s=first_s,
        last_s=float(timestamps_s[-1]),
        row_rate_hz=recording.samples / float(sample_durations_s(timestamps_s).sum()),
        longest_gap_s=float(steps_s.max()),
    )


def check_clocks(played: pl.DataFrame, found: Found) -> None:
    """Rate of rows, pauses, speed of the video."""
    if len(played) < 2 or played["elapsed_s"].null_count():
        return
    playback_s, elapsed_s = columns(played, ("PlaybackTime", "elapsed_s")).unbind(dim=-1)
    steps_s = elapsed_s.diff()
    counted = (steps_s > 0) & (steps_s <= GAP_LIMIT_S)
    if not counted.any():
        return
    row_rate_hz = float(counted.sum() / steps_s[counted].sum())
    found.measurements["row_rate_hz"] = row_rate_hz
    if row_rate_hz < ROW_RATE_HZ:
        found.broken(
            "row_rate_low",
            f"a headset must write {ROW_RATE_HZ:g} rows a second or more, found {row_rate_hz:.1f}",
        )
    held = torch.cat((counted.new_zeros(1), playback_s.diff() == 0))
    pauses = runs_where(held)
    pauses[:, 0] -= 1
    # A clock that never moves again has not been paused.
    pauses = pauses[pauses[:, 1] < len(played) - 1]
    length_s = elapsed_s[pauses[:, 1]] - elapsed_s[pauses[:, 0]]
    pauses, length_s = pauses[length_s >= PAUSE_S], length_s[length_s >= PAUSE_S]
    if len(pauses):
        longest = int(length_s.argmax())
        found.broken(
            "playback_paused",
            f"PlaybackTime must not stand still for {PAUSE_S:g} s, found "
            f"{length_s[longest]:.1f} s at {playback_s[pauses[longest, 0]]:.1f} s of the video "
            f"(pauses: {len(pauses)})",
            lines=[
                (FIRST_LINE + played["row"][first], FIRST_LINE + played["row"][last])
                for first, last in pauses.tolist()
            ],
            rows=rows_in(pauses),
        )
    _check_speed(playback_s[~held].diff(), elapsed_s[~held].diff(), found)


def _check_speed(playback_steps_s: Tensor, clock_steps_s: Tensor, found: Found) -> None:
    """Unit and drift of the video's clock, by its steps and those of the headset's clock."""
    if len(playback_steps_s) > 1:
        speed = float(playback_steps_s.median() / clock_steps_s.median().clamp(min=1e-9))
        if not 1 / OTHER_UNIT < speed < OTHER_UNIT:
            found.broken(
                "playback_unit",
                "PlaybackTime must be in seconds and advance as Timestamp does, found it "
                f"{speed:.4g} times as fast",
            )
    even = (clock_steps_s > 0) & ((playback_steps_s - clock_steps_s).abs() < UNEVEN_S)
    seen_s = float(clock_steps_s[even].sum())
    if seen_s <= 0:
        return
    speed = float(playback_steps_s[even].sum()) / seen_s
    found.measurements["playback_speed"] = speed
    if abs(speed - 1) > DRIFT and seen_s >= DRIFT_FROM_S:
        found.broken(
            "clock_drift",
            f"PlaybackTime must run as fast as Timestamp within {DRIFT:.0%}, found "
            f"{speed:.3f} times as fast (pauses left out)",
        )
