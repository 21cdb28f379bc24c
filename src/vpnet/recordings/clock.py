"""Clocks that repeat, step back or skip (docs/CONVENTIONS.md, defect 8)."""

import torch
from torch import Tensor

from vpnet.recordings.findings import RULES, Finding, Severity, line_ranges

STEP_BACK_TOLERANCE_S = 0.1
"""A clock that steps back by no more is jittering; by more, the video was rewound."""

USUAL_REPEATS = 0.6
"""A player's clock at 30 Hz leaves 58 % of a headset's 72 rows a second without a time."""


def increasing_rows(
    timestamps_s: Tensor, source: str, lines: Tensor, findings: list[Finding]
) -> Tensor:
    """Samples at which playback time is greater than at every sample before.

    Of rows that share one playback time the first is kept. A player's clock often runs at the rate
    of the video, more slowly than the tracker, and is held between its updates: only the first row
    of a hold was measured when the clock was read. (Times between two updates would be invented.) A
    paused player holds its clock as well: what the viewer does meanwhile belongs to no moment of
    the video, and is dropped too. A small step back is jitter; after a large one, which is an
    error, part of the video is seen again. In either case the rows are dropped until the clock has
    caught up. A clock that skips forward is kept as it is; resampling marks the gap.

    Args:
        timestamps_s: Playback time, finite, shape ``(samples,)``.
        source: The file, for messages.
        lines: Line of the file that holds each sample, int64, shape ``(samples,)``.
        findings: What was dropped is added here.

    Returns:
        Indices of the kept samples, increasing, int64, shape ``(kept,)``.
    """
    if len(timestamps_s) == 0:
        return torch.zeros(0, dtype=torch.long)
    latest_s = timestamps_s.cummax(0).values
    behind_s = latest_s - timestamps_s
    kept = torch.cat((timestamps_s.new_ones(1).bool(), latest_s.diff() > 0))
    far = behind_s > STEP_BACK_TOLERANCE_S
    # Everything between two kept rows that holds a large step back was seen again.
    stretch = kept.cumsum(0)
    again = ~kept & torch.isin(stretch, stretch[far])
    if again.any():
        row = int(torch.nonzero(far)[0])
        findings.append(
            RULES["playback_steps_back"].broken(
                f"playback time must not step back by more than {STEP_BACK_TOLERANCE_S} s, found "
                f"{timestamps_s[row]:.3f} s after {latest_s[row]:.3f} s",
                file=source,
                lines=line_ranges(lines[far].tolist(), first_line=0),
                rows=int(again.sum()),
            )
        )
    repeats = ~kept & ~again
    if repeats.any():
        count, backwards = int(repeats.sum()), int((repeats & (behind_s > 0)).sum())
        findings.append(
            RULES["playback_repeats"].broken(
                f"playback time must increase from row to row, found {count} of {len(kept)} rows "
                f"at which it does not ({backwards} step back)",
                file=source,
                lines=line_ranges(lines[repeats].tolist(), first_line=0),
                rows=count,
                severity=Severity.WARNING if count >= USUAL_REPEATS * len(kept) else None,
            )
        )
    return torch.nonzero(kept).squeeze(-1)
