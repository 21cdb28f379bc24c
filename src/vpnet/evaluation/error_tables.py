"""What an evaluation leaves on disk: one row per window and horizon, as parquet.

Both tables have the keys user, video, anchor_s (playback time of the anchor) and horizon_s, so that
two runs can be compared window by window.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.horizons import at_horizons, is_step, reached, valid_at_horizons
from vpnet.evaluation.viewport_metrics import error_deg
from vpnet.whole_files import whole_file

KEYS = ("user", "video", "anchor_s", "horizon_s")
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
    """The same keys, and the predicted direction x, y, z in the world frame."""


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
    keys = _keys(evaluated, valid, recording_users, recording_videos, rows_s, sampling_rate_hz)
    keys = keys.with_columns(pl.Series("interpolated", interpolated[valid].numpy()))
    errors_deg = error_deg(predicted, future)[valid]
    directions = predicted[valid].float()
    return RowTables(
        keys.with_columns(pl.Series("error_deg", errors_deg.numpy())),
        keys.with_columns(
            pl.Series(axis, directions[:, column].numpy()) for column, axis in enumerate("xyz")
        ),
    )


def write_parquet(table: pl.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all.

    Args:
        table: Any table.
        path: File to write; its folder is made where it is missing.
    """
    with whole_file(path) as temporary:
        table.write_parquet(temporary, compression="zstd")


def read_table(path: Path, schema: Mapping[str, object], remedy: str) -> pl.DataFrame:
    """A table that `write_parquet` has written.

    Args:
        path: File that exists.
        schema: Its columns and their types, in order.
        remedy: What to do about a file that is no such table.

    Raises:
        InputError: The file is damaged, or has other columns.
    """
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error}); {remedy}") from error
    if dict(table.schema) != schema:
        raise InputError(
            f"{path} must have the columns {_columns(schema)}, found {_columns(table.schema)}; "
            f"{remedy}"
        )
    return table


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
    if table.is_empty():
        raise InputError(f"{path} has no row: no window was evaluated; check the run's split")
    repeated = len(table) - table.select(KEYS).n_unique()
    if repeated:
        raise InputError(
            f"{path} must have one row per window and horizon, {repeated} are repeated; test again"
        )
    return table


def _columns(schema: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in schema.items())


def _keys(
    evaluated: EvaluatedWindows,
    valid: Tensor,
    recording_users: Sequence[str],
    recording_videos: Sequence[str],
    horizons_s: Sequence[float],
    sampling_rate_hz: float,
) -> pl.DataFrame:
    """User, video, anchor and horizon of each valid entry, windows first."""
    window, column = torch.nonzero(valid, as_tuple=True)
    recording = evaluated.recording_index[window].numpy()
    # Rounded, so that one moment is one key on clocks of any rate.
    anchors_s = (evaluated.anchor_step[window].double() / sampling_rate_hz).round(decimals=6)
    rows_s = torch.tensor(horizons_s, dtype=torch.float64).round(decimals=6)
    return pl.DataFrame(
        {
            "user": pl.Series(list(recording_users), dtype=pl.String).gather(recording),
            "video": pl.Series(list(recording_videos), dtype=pl.String).gather(recording),
            "anchor_s": anchors_s.numpy(),
            "horizon_s": rows_s[column].numpy(),
        }
    )
