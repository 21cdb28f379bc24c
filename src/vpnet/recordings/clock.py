"""Clocks that repeat, step back or skip (docs/CONVENTIONS.md, defect 8)."""

import logging

import torch
from torch import Tensor

from vpnet.errors import InputError

STEP_BACK_TOLERANCE_S = 0.1
"""A clock may step back by this much before the recording is refused."""

_LOGGER = logging.getLogger(__name__)


def increasing_rows(timestamps_s: Tensor, source: str, first_line: int) -> Tensor:
    """Rows at which playback time is greater than at every row before.

    Of rows that share one playback time the first is kept. A player's clock often runs at the rate
    of the video, more slowly than the tracker, and is held between its updates: the first row of a
    hold is the one measured when the clock was read, the others came later than it says. (To place
    them between two updates would be to invent times.) A paused player holds its clock as well:
    what the viewer does meanwhile belongs to no moment of the video, and goes the same way. A small
    step back is jitter: its rows are dropped until the clock has caught up. A clock that skips
    forward is kept as it is; resampling marks the gap. How many rows were dropped is logged.

    Args:
        timestamps_s: Playback time, finite, shape ``(samples,)``.
        source: The file, for messages.
        first_line: Line of the file that holds the first sample.

    Returns:
        Indices of the kept rows, increasing, int64, shape ``(kept,)``.

    Raises:
        InputError: The clock steps back by more than `STEP_BACK_TOLERANCE_S`.
    """
    if len(timestamps_s) == 0:
        return torch.zeros(0, dtype=torch.long)
    latest_s = timestamps_s.cummax(0).values
    behind_s = latest_s - timestamps_s
    if (behind_s > STEP_BACK_TOLERANCE_S).any():
        row = int(torch.nonzero(behind_s > STEP_BACK_TOLERANCE_S)[0])
        raise InputError(
            f"{source}, line {first_line + row}: playback time must not step back by more than "
            f"{STEP_BACK_TOLERANCE_S} s, found {timestamps_s[row]:.3f} s after "
            f"{latest_s[row]:.3f} s; was the video restarted? Split the file there, or cut it off"
        )
    kept = torch.cat((timestamps_s.new_ones(1).bool(), latest_s.diff() > 0))
    dropped = len(kept) - int(kept.sum())
    if dropped:
        backwards = int((behind_s > 0).sum())
        _LOGGER.info(
            "%s: dropped %d of %d rows whose playback time does not increase (%d step back)",
            source,
            dropped,
            len(kept),
            backwards,
        )
    return torch.nonzero(kept).squeeze(-1)
