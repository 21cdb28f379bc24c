"""The check that a stream, of gaze or face, was measured most of the time."""

from torch import Tensor

from vpnet.recordings.findings import Finding, Rule

LOST_SHARE = 0.2
"""Blinks cost about 5 % of the samples; four times that is no longer a moment's failure."""


def check_lost(rule: Rule, stream: str, measured: Tensor, file: str) -> list[Finding]:
    """Whether too large a share of a stream was lost.

    Args:
        rule: What is broken if it was.
        stream: The stream's name, for the message.
        measured: Which samples the source measured, shape ``(samples,)``.
        file: For the message.
    """
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
