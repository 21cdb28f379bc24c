"""The check of a Quest Pro's face table besides the weights' own: tracking that failed silently."""

import polars as pl
import torch
from torch import Tensor

from vpnet.quality.checks.played_rows import lines_of, matched
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.fixations import GAP_LIMIT_S

BRIEF_S = 1.0
"""Less than this in all is a moment's failure."""

FACE_DROPOUT = Rule(
    "face_dropout",
    Severity.WARNING,
    "The face's tracking failed without saying so",
    meaning="FaceIsValid is 1 while all 63 weights are exactly 0, which no face is; vpnet marks "
    "these rows as lost.",
    remedy="nothing to do if it is short; else refit the headset",
)
RULES = (FACE_DROPOUT,)


def check_face_table(
    face: pl.DataFrame, played: pl.DataFrame, file: str
) -> tuple[list[Finding], dict[str, float]]:
    """Rows that are called valid though every weight is 0.

    Args:
        face: The face table, its weights named.
        played: The result of `vpnet.quality.checks.played_rows.played_rows`.
        file: The face table's file, for messages.
    """
    failed = (pl.col("FaceIsValid") > 0) & pl.all_horizontal(pl.col(FACE_WEIGHTS) == 0)
    slim = face.select("Timestamp", failed.alias("failed"))
    rows = matched(slim, played)
    lost = torch.from_numpy(rows["failed"].to_numpy(writable=True))
    if not lost.any():
        return [], {}
    lost_s = _seconds(rows, lost)
    length = "" if lost_s is None else f", {lost_s:.1f} s in all"
    brief = lost_s is not None and lost_s < BRIEF_S
    finding = FACE_DROPOUT.broken(
        f"a face that is valid must have a weight above 0, found none in {lost.sum()} rows{length}",
        file=file,
        lines=lines_of(rows, lost),
        rows=int(lost.sum()),
        severity=Severity.NOTE if brief else None,
    )
    return [finding], {}


def _seconds(rows: pl.DataFrame, lost: Tensor) -> float | None:
    """How long the lost rows lasted; None where the headset's clock is not known."""
    if rows["elapsed_s"].null_count() or len(rows) < 2:
        return None
    elapsed_s = torch.from_numpy(rows["elapsed_s"].to_numpy(writable=True))
    steps_s = elapsed_s.diff()
    steps_s = torch.cat((steps_s, steps_s.median().reshape(1))).clamp(0, GAP_LIMIT_S)
    return float(steps_s[lost].sum())
