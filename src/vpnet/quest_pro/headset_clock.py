"""The headset's own clock, Timestamp, which is written in one of several units."""

import polars as pl

UNITS_PER_S = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}

USUAL_STEP_S = (0.0005, 0.5)
"""Only one unit puts the usual step of a headset's clock in here."""


def elapsed_seconds(timestamps: pl.Series) -> pl.Series | None:
    """Time since the first row.

    Args:
        timestamps: Timestamp of each row.

    Returns:
        Seconds, float64, shape ``(rows,)``; None where timestamps are dates, or their steps are of
        no unit's size.
    """
    if not timestamps.dtype.is_numeric() or len(timestamps) < 2:
        return None
    elapsed = timestamps - timestamps[0]
    usual_step = elapsed.diff().median()
    for per_s in UNITS_PER_S.values():
        if isinstance(usual_step, float) and (
            USUAL_STEP_S[0] <= usual_step / per_s < USUAL_STEP_S[1]
        ):
            return elapsed / per_s
    return None
