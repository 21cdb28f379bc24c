"""What an evaluation leaves on disk: one row per window and horizon, as parquet.

Both tables have the keys of `vpnet.evaluation.prediction_table`, so that two runs can be compared
window by window.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.horizons import at_horizons, is_step, reached, valid_at_horizons
from vpnet.evaluation.prediction_table import KEYS, prediction_table
from vpnet.evaluation.viewport_metrics import error_deg
from vpnet.table_files import read_table

ERRORS_FILE = "errors.parquet"
PREDICTIONS_FILE = "predictions.parquet"

_ERRORS_SCHEMA = {
    "user": pl.String,
    "video": pl.String,
    "anchor_s": pl.Float64,
    "horizon_s": pl.Float64,
    "interpolated": pl.Boolean,
    "error_deg": pl.Float64,
}


class RowTables(NamedTuple):
    """One row per window and horizon whose truth is known, in the same order in both tables."""

    errors: pl.DataFrame
    """Columns user, video, anchor_s, horizon_s, interpolated (whether the horizon is between two
    steps) and error_deg."""
    predictions: pl.DataFrame
    """As `vpnet.evaluation.prediction_table.prediction_table`, and interpolated."""


def row_tables(
    evaluated: EvaluatedWindows,
    *,
    recording_users: Sequence[str],
    recording_videos: Sequence[str],
    horizons_s: Sequence[float],
    sampling_rate_hz: float,
    report_horizons_s: Sequence[float] = (),
) -> RowTables:
    """Errors and predictions at every step, and at reported horizons between two steps.

    Args:
        evaluated: Predictions and truth.
        recording_users: User of each recording that ``recording_index`` points into.
        recording_videos: Video of each of them.
        horizons_s: Horizons of all predicted steps, increasing.
        sampling_rate_hz: Clock of the anchors.
        report_horizons_s: Horizons that are always included; those that no step has are
            interpolated as in `vpnet.evaluation.horizons.at_horizons`.
    """
    between_s = [s for s in reached(report_horizons_s, horizons_s) if not is_step(s, horizons_s)]
    rows_s = sorted((*horizons_s, *between_s))
    valid = valid_at_horizons(evaluated.valid, horizons_s, rows_s)
    interpolated = torch.tensor([s in between_s for s in rows_s]).expand(valid.shape)
    predicted = at_horizons(evaluated.predicted.double(), horizons_s, rows_s)
    future = at_horizons(evaluated.future.double(), horizons_s, rows_s)
    predictions = prediction_table(
        predicted,
        valid,
        recording_index=evaluated.recording_index,
        anchor_step=evaluated.anchor_step,
        recording_users=recording_users,
        recording_videos=recording_videos,
        horizons_s=rows_s,
        sampling_rate_hz=sampling_rate_hz,
    ).with_columns(pl.Series("interpolated", interpolated[valid].numpy()))
    errors_deg = pl.Series("error_deg", error_deg(predicted, future)[valid].numpy())
    errors = predictions.select(*KEYS, "interpolated", errors_deg)
    return RowTables(errors, predictions)


def read_errors(run: Path) -> pl.DataFrame:
    """The errors that a run has left.

    Args:
        run: Folder of a run, which holds errors.parquet.

    Returns:
        As `RowTables.errors`.

    Raises:
        InputError: The file is missing, is not such a table, or is damaged.
    """
    path = run / ERRORS_FILE
    if not path.is_file():
        raise InputError(
            f"{path} not found; name the folder of a run that was tested to the end "
            f"(it holds {ERRORS_FILE})"
        )
    table = read_table(path, _ERRORS_SCHEMA, "test again")
    repeated = len(table) - table.select(KEYS).n_unique()
    if repeated:
        raise InputError(
            f"{path} must have one row per window and horizon, {repeated} are repeated; test again"
        )
    return table
