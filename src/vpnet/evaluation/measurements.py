"""Every metric of every window of one evaluation: what averages are taken of."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.horizons import (
    HORIZON_RANGES,
    REPORT_HORIZONS_S,
    at_horizons,
    reached,
    valid_at_horizons,
)
from vpnet.evaluation.viewport_metrics import (
    ACCURACY_THRESHOLDS_DEG,
    FIELD_OF_VIEW_DEG,
    TILE_COLUMNS,
    TILE_ROWS,
    accuracy_within,
    error_deg,
    tile_metrics,
    viewport_overlap,
)
from vpnet.geometry.directions import normalize

UNIT_TOLERANCE = 1e-2
"""How far the length of a predicted direction may be from 1: as much as bfloat16 rounds."""


class RangeErrors(NamedTuple):
    """Errors over a range of horizons, averaged within each window."""

    steps: int
    """Predicted steps in the range."""
    errors_deg: Tensor
    """Mean over the valid steps, shape ``(windows, 1)``."""
    valid: Tensor
    """Whether there is a valid step, shape ``(windows, 1)``."""


class Measurements(NamedTuple):
    """Metrics of each window; those of a future that is not known are not valid."""

    recording_index: Tensor
    """Which recording each window is cut from, shape ``(windows,)``."""
    steps_s: tuple[float, ...]
    """Horizons of all predicted steps."""
    step_errors_deg: Tensor
    """Errors at these, shape ``(windows, steps)``."""
    step_valid: Tensor
    """Shape ``(windows, steps)``."""
    horizons_s: tuple[float, ...]
    """Reported horizons that the steps reach."""
    metrics: dict[str, Tensor]
    """By name, error_deg first, at the reported horizons, each ``(windows, horizons)``."""
    valid: Tensor
    """Shape ``(windows, horizons)``."""
    ranges: dict[str, RangeErrors]
    """By name, the ranges that the steps span."""


def measure(
    evaluated: EvaluatedWindows,
    *,
    horizons_s: Sequence[float],
    report_horizons_s: Sequence[float] = REPORT_HORIZONS_S,
    field_of_view_deg: float = FIELD_OF_VIEW_DEG,
    tile_rows: int = TILE_ROWS,
    tile_columns: int = TILE_COLUMNS,
) -> Measurements:
    """Measure the windows of one evaluation.

    Args:
        evaluated: Predictions and truth.
        horizons_s: Horizons of all predicted steps, increasing.
        report_horizons_s: Horizons to report; those outside the predicted steps are left out.
        field_of_view_deg: Diameter of the circular field of view, for tiles and overlap.
        tile_rows: Rows of tiles.
        tile_columns: Columns of tiles.

    Raises:
        InputError: A prediction is not finite.
        ValueError: A prediction is not of unit length, or ``horizons_s`` does not fit.
    """
    _check(evaluated, horizons_s)
    predicted, future = normalize(evaluated.predicted.double()), evaluated.future.double()
    reported_s = reached(report_horizons_s, horizons_s)
    predicted_at = at_horizons(predicted, horizons_s, reported_s)
    future_at = at_horizons(future, horizons_s, reported_s)
    errors_deg = error_deg(predicted_at, future_at)
    metrics = {"error_deg": errors_deg}
    for threshold_deg in ACCURACY_THRESHOLDS_DEG:
        name = f"accuracy_within_{threshold_deg:g}_deg"
        metrics[name] = accuracy_within(errors_deg, threshold_deg)
    tiles = tile_metrics(
        predicted_at,
        future_at,
        rows=tile_rows,
        columns=tile_columns,
        field_of_view_deg=field_of_view_deg,
    )
    metrics |= {f"tile_{name}": values for name, values in tiles._asdict().items()}
    metrics["viewport_overlap"] = viewport_overlap(predicted_at, future_at, field_of_view_deg)
    step_errors_deg = error_deg(predicted, future)
    return Measurements(
        evaluated.recording_index,
        tuple(horizons_s),
        step_errors_deg,
        evaluated.valid,
        reported_s,
        metrics,
        valid_at_horizons(evaluated.valid, horizons_s, reported_s),
        dict(_over_ranges(step_errors_deg, evaluated.valid, horizons_s)),
    )


def _over_ranges(
    errors_deg: Tensor, valid: Tensor, steps_s: Sequence[float]
) -> Iterator[tuple[str, RangeErrors]]:
    for horizon_range in HORIZON_RANGES:
        steps = horizon_range.steps(steps_s)
        if steps:
            inside = valid[:, steps]
            counts = inside.sum(dim=1, keepdim=True)
            sums = torch.where(inside, errors_deg[:, steps], 0).sum(dim=1, keepdim=True)
            yield horizon_range.name, RangeErrors(len(steps), sums / counts, counts > 0)


def _check(evaluated: EvaluatedWindows, horizons_s: Sequence[float]) -> None:
    if len(horizons_s) != evaluated.predicted.shape[1]:
        raise ValueError(
            f"horizons_s must name the {evaluated.predicted.shape[1]} predicted steps, "
            f"got {len(horizons_s)}"
        )
    length = torch.linalg.vector_norm(evaluated.predicted.double(), dim=-1)
    not_finite = ~length.isfinite().all(dim=1)
    if not_finite.any():
        window = int(torch.nonzero(not_finite)[0])
        raise InputError(
            f"predicted directions must be finite, {int(not_finite.sum())} of {len(evaluated)} "
            f"windows are not (first: recording {int(evaluated.recording_index[window])}, anchor "
            f"step {int(evaluated.anchor_step[window])}); the training has diverged: take an "
            "earlier checkpoint or a lower learning rate"
        )
    furthest = (length - 1).abs().max()
    if furthest > UNIT_TOLERANCE:
        raise ValueError(f"predictions must be unit vectors, one is {float(furthest):.4f} off")
