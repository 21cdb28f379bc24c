"""What checks find in a recording, and the stretches of samples in which they find it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.gaze import GAP_LIMIT_S, SAME_DIRECTION

NAMES_SHOWN = 6

LOST_SHARE = 0.2
"""Blinks cost about 5 % of the samples; four times that is no longer a moment's failure."""


@dataclass(frozen=True)
class Found:
    """What checks have found so far.

    Args:
        file: The file that new findings name.
        findings: What is wrong.
        measurements: Finite numbers by name. One that a recording does not have, such as a rate of
            gaze without gaze, is absent.
    """

    file: object = ""
    findings: list[Finding] = field(default_factory=list)
    measurements: dict[str, float] = field(default_factory=dict)

    def broken(self, code: str, found: str, **details: Any) -> None:
        """Add a finding; the arguments are those of `vpnet.recordings.findings.Rule.broken`."""
        self.findings.append(RULES[code].broken(found, file=self.file, **details))

    def about(self, file: object) -> "Found":
        """The same lists; findings that are added through it name another file."""
        return replace(self, file=file)


def runs_where(mask: Tensor) -> Tensor:
    """Unbroken stretches of True: first and last sample, int64, shape ``(runs, 2)``.

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
    """Stretches of at least ``least_s`` through which one measurement was held.

    They are first and last sample, the one that is held included, shape ``(runs, 2)``; ``held`` is
    the result of `held_samples`.
    """
    runs = runs_where(held)
    runs[:, 0] -= 1
    return runs[timestamps_s[runs[:, 1]] - timestamps_s[runs[:, 0]] >= least_s]


def sample_durations_s(timestamps_s: Tensor) -> Tensor:
    """The time that each of at least 2 samples stands for, shape ``(samples,)``.

    It lasts until the next sample, and never across a gap of the clock.
    """
    steps_s = timestamps_s.diff()
    usual_s = steps_s.median()
    steps_s = torch.where(steps_s <= GAP_LIMIT_S, steps_s, usual_s.clamp(max=GAP_LIMIT_S))
    return torch.cat((steps_s, steps_s.median().reshape(1)))


def rows_in(runs: Tensor) -> int:
    """Number of samples in runs, shape ``(runs, 2)``."""
    return int((runs[:, 1] - runs[:, 0] + 1).sum())


def describe(timestamps_s: Tensor, runs: Tensor) -> str:
    """Where runs, at least one, lie in words: the longest, and how many there are.

    Example:
        >>> describe(torch.arange(5.0), torch.tensor([[0, 1], [2, 4]]))
        '2 times, longest from 2.0 s to 4.0 s'
    """
    begin_s, end_s = timestamps_s[runs].unbind(dim=1)
    longest = int((end_s - begin_s).argmax())
    span = f"from {begin_s[longest]:.1f} s to {end_s[longest]:.1f} s"
    return span if len(runs) == 1 else f"{len(runs)} times, longest {span}"


def check_lost(found: Found, code: str, stream: str, measured: Tensor) -> None:
    """Whether too large a share of a stream was lost: ``measured`` has shape ``(samples,)``."""
    seen, samples = int(measured.sum()), len(measured)
    if samples - seen > LOST_SHARE * samples:
        found.broken(
            code,
            f"{stream} must be measured in {1 - LOST_SHARE:.0%} of the samples, found "
            f"{seen / samples:.1%} ({seen} of {samples})",
            rows=samples - seen,
        )


def check_runs(found: Found, code: str, rule: str, timestamps_s: Tensor, runs: Tensor) -> None:
    """A finding of where a rule was broken: ``runs`` has shape ``(runs, 2)``, none is allowed."""
    if len(runs):
        found.broken(code, f"{rule} {describe(timestamps_s, runs)}", rows=rows_in(runs))


def listed(names: Sequence[str], separator: str = ", ", shown: int = NAMES_SHOWN) -> str:
    """Names in one line: the first few, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return separator.join(names[:shown]) + more
