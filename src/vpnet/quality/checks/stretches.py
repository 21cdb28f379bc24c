"""Stretches of samples: where a condition holds, where a measurement does not change, how long."""

import torch
from torch import Tensor

from vpnet.recordings.findings import Finding, Rule
from vpnet.recordings.gaze import GAP_LIMIT_S, SAME_DIRECTION

LOST_SHARE = 0.2
"""Blinks cost about 5 % of the samples; four times that is no longer a moment's failure."""


def runs_where(mask: Tensor) -> Tensor:
    """Unbroken stretches of True, as first and last sample.

    Args:
        mask: Booleans, shape ``(samples,)``.

    Returns:
        Indices, int64, shape ``(runs, 2)``.

    Example:
        >>> runs_where(torch.tensor([True, True, False, True])).tolist()
        [[0, 1], [3, 3]]
    """
    edge = torch.zeros(1, dtype=torch.int8)
    change = torch.cat((edge, mask.to(torch.int8), edge)).diff()
    begins, ends = torch.nonzero(change == 1), torch.nonzero(change == -1) - 1
    return torch.cat((begins, ends), dim=1)


def held_samples(timestamps_s: Tensor, values: Tensor, valid: Tensor) -> Tensor:
    """Samples that repeat the one before: it was held, nothing new was measured.

    Args:
        timestamps_s: Playback time, shape ``(samples,)``.
        values: What was measured, shape ``(samples, components)``.
        valid: Which samples were, shape ``(samples,)``.

    Returns:
        Booleans, shape ``(samples,)``; False after a gap of the clock and where invalid.
    """
    same = (values[1:] - values[:-1]).abs().amax(dim=-1) <= SAME_DIRECTION
    together = valid[1:] & valid[:-1] & (timestamps_s.diff() <= GAP_LIMIT_S)
    return torch.cat((valid.new_zeros(1), same & together))


def still_runs(timestamps_s: Tensor, held: Tensor, least_s: float) -> Tensor:
    """Stretches of at least so many seconds through which one measurement was held.

    Args:
        timestamps_s: Playback time, shape ``(samples,)``.
        held: The result of `held_samples`.
        least_s: Shorter stretches are left out.

    Returns:
        First and last sample, the one that is held included, shape ``(runs, 2)``.
    """
    runs = runs_where(held)
    runs[:, 0] -= 1
    return runs[timestamps_s[runs[:, 1]] - timestamps_s[runs[:, 0]] >= least_s]


def sample_durations_s(timestamps_s: Tensor) -> Tensor:
    """The time that each sample stands for: until the next, and never across a gap of the clock.

    Args:
        timestamps_s: Playback time of at least 2 samples, shape ``(samples,)``.
    """
    steps_s = timestamps_s.diff()
    usual_s = steps_s.median()
    steps_s = torch.where(steps_s <= GAP_LIMIT_S, steps_s, usual_s.clamp(max=GAP_LIMIT_S))
    return torch.cat((steps_s, steps_s.median().reshape(1)))


def rows_in(runs: Tensor) -> int:
    """Number of samples in runs, shape ``(runs, 2)``."""
    return int((runs[:, 1] - runs[:, 0] + 1).sum())


def describe(timestamps_s: Tensor, runs: Tensor) -> str:
    """Where runs lie, in words: the longest, and how many there are.

    Args:
        timestamps_s: Playback time, shape ``(samples,)``.
        runs: At least one, shape ``(runs, 2)``.

    Example:
        >>> describe(torch.arange(5.0), torch.tensor([[0, 1], [2, 4]]))
        '2 times, longest from 2.0 s to 4.0 s'
    """
    begin_s, end_s = timestamps_s[runs].unbind(dim=1)
    longest = int((end_s - begin_s).argmax())
    span = f"from {begin_s[longest]:.1f} s to {end_s[longest]:.1f} s"
    return span if len(runs) == 1 else f"{len(runs)} times, longest {span}"


def check_lost(rule: Rule, stream: str, measured: Tensor, file: str) -> list[Finding]:
    """Whether too large a share of a stream was lost: ``measured`` has shape ``(samples,)``."""
    seen, samples = int(measured.sum()), len(measured)
    lost = samples - seen
    if lost <= LOST_SHARE * samples:
        return []
    return [
        rule.broken(
            f"{stream} must be measured in {1 - LOST_SHARE:.0%} of the samples, found "
            f"{seen / samples:.1%} ({seen} of {samples})",
            file=file,
            rows=lost,
        )
    ]
