"""What a run leaves behind: every prediction, every error, all numbers, one table."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.runs.finished_runs import TABLE_FILE
from vpnet.runs.results import results_table
from vpnet.runs.seeds import METRICS_FILE
from vpnet.evaluation.summary import summarize
from vpnet.evaluation.tables import (
    ERRORS_FILE,
    PREDICTIONS_FILE,
    errors_table,
    predictions_table,
    write_parquet,
)
from vpnet.evaluation.text_table import TextTable
from vpnet.whole_files import write_text


def write_report(
    folder: str | Path,
    evaluated: Mapping[str, EvaluatedWindows],
    data: ViewportDataModule,
    bootstrap_draws: int = 10_000,
    remarks: Sequence[str] = (),
) -> tuple[dict[str, dict[str, Any]], TextTable]:
    """Write errors.parquet, predictions.parquet and results.md; `finish` writes the rest.

    A metrics.json that is there already is removed: until `finish` the run is not finished.

    Args:
        folder: Folder of the run.
        evaluated: By model name; the first is the run's own, ``static`` must be among them. Only
            the first one's errors and predictions are written row by row.
        data: What was evaluated on.
        bootstrap_draws: Resamples of the users.
        remarks: What else a reader of the table must know.

    Returns:
        The summaries by model name, and the table to print.
    """
    folder, task = Path(folder), data.task
    (folder / METRICS_FILE).unlink(missing_ok=True)
    own = next(iter(evaluated.values()))
    summaries = {
        name: summarize(
            windows,
            recording_users=data.samples.user_ids,
            horizons_s=task.horizons_s,
            report_horizons_s=task.report_horizons_s,
            bootstrap_draws=bootstrap_draws,
        )
        for name, windows in evaluated.items()
    }
    keys: dict[str, Any] = {
        "recording_users": data.samples.user_ids,
        "recording_videos": data.samples.video_ids,
        "horizons_s": task.horizons_s,
        "sampling_rate_hz": task.sampling_rate_hz,
        "report_horizons_s": task.report_horizons_s,
    }
    write_parquet(errors_table(own, **keys), folder / ERRORS_FILE)
    write_parquet(predictions_table(own, **keys), folder / PREDICTIONS_FILE)
    table = results_table(summaries)
    table = dataclasses.replace(table, footnotes=(*table.footnotes, *remarks))
    write_text(folder / TABLE_FILE, table.to_markdown())
    return summaries, table


def finish(
    folder: str | Path,
    task: str,
    summaries: Mapping[str, Mapping[str, Any]],
    absent_streams: Sequence[str] = (),
) -> None:
    """Write metrics.json, when all else that the run promises is there: it is finished then.

    Args:
        folder: Folder of the run.
        task: Name of the task.
        summaries: From `write_report`.
        absent_streams: Streams that the first model can read and the data lack.
    """
    metrics = {"task": task, "absent_streams": list(absent_streams), "models": summaries}
    write_text(Path(folder) / METRICS_FILE, json.dumps(metrics, indent=1))
