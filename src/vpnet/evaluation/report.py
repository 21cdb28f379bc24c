"""What a run leaves behind: every prediction, every error, all numbers, one table."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.results import results_table
from vpnet.evaluation.seeds import METRICS_FILE
from vpnet.evaluation.summary import summarize
from vpnet.evaluation.tables import errors_table, predictions_table, write_parquet
from vpnet.evaluation.text_table import TextTable
from vpnet.whole_files import write_text


def write_report(
    folder: str | Path,
    evaluated: Mapping[str, EvaluatedWindows],
    data: ViewportDataModule,
    bootstrap_draws: int = 10_000,
    remarks: Sequence[str] = (),
    absent_streams: Sequence[str] = (),
) -> tuple[dict[str, dict[str, Any]], TextTable]:
    """Write metrics.json, errors.parquet, predictions.parquet and results.md.

    Args:
        folder: Folder of the run.
        evaluated: By model name; the first is the run's own, ``static`` must be among them. Only
            the first one's errors and predictions are written row by row.
        data: What was evaluated on.
        bootstrap_draws: Resamples of the users.
        remarks: What else a reader of the table must know.
        absent_streams: Streams that the first model asks for and the data lack.

    Returns:
        The summaries by model name, and the table to print.
    """
    folder, task = Path(folder), data.task
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
    write_parquet(errors_table(own, **keys), folder / "errors.parquet")
    write_parquet(predictions_table(own, **keys), folder / "predictions.parquet")
    table = results_table(summaries)
    table = dataclasses.replace(table, footnotes=(*table.footnotes, *remarks))
    write_text(folder / "results.md", table.to_markdown())
    # Last: a folder that holds it is that of a finished run.
    metrics = {"task": task.name, "absent_streams": list(absent_streams), "models": summaries}
    write_text(folder / METRICS_FILE, json.dumps(metrics, indent=1))
    return summaries, table
