"""What a run leaves behind: every prediction, every error, all numbers, one table, pictures."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.evaluation.error_tables import (
    ERRORS_FILE,
    PREDICTIONS_FILE,
    row_tables,
)
from vpnet.evaluation.evaluated_windows import EvaluatedWindows, typical_windows
from vpnet.evaluation.measurements import Measurements, measure
from vpnet.evaluation.metrics_table import METRICS_TABLE_FILE, metrics_table
from vpnet.evaluation.summary import summarize
from vpnet.evaluation.viewport_metrics import error_deg
from vpnet.models.forecaster import Forecaster
from vpnet.plots.curves import error_curves, error_figure, gates_figure
from vpnet.plots.style import save_figure
from vpnet.plots.viewport_path import PathForecast, overview_figure, path_figure
from vpnet.runs.finished_runs import METRICS_FILE, TABLE_FILE
from vpnet.runs.results_table import counted, of_model, results_table
from vpnet.table_files import write_table
from vpnet.text_table import TextTable
from vpnet.whole_files import write_text

WINDOWS_AT_ONCE = 128


class Report(NamedTuple):
    """The numbers of a run."""

    measured: dict[str, Measurements]
    """By model name, the run's own first."""
    summaries: dict[str, dict[str, Any]]
    """By model name."""
    table: TextTable
    """What a run prints at its end."""


def write_report(
    folder: str | Path,
    evaluated: Mapping[str, EvaluatedWindows],
    data: ViewportDataModule,
    *,
    seed: int = 0,
    bootstrap_draws: int = 10_000,
    remarks: Sequence[str] = (),
) -> Report:
    """Write the tables of a run; `finish` writes the rest.

    A metrics.json that is there already is removed: until `finish` the run is not finished.

    Args:
        folder: Folder of the run.
        evaluated: By model name; the first is the run's own, ``static`` must be among them. Only
            the first one's errors and predictions are written row by row.
        data: What was evaluated on.
        seed: Seed of the run.
        bootstrap_draws: Resamples of the users.
        remarks: Further footnotes of the table.
    """
    folder, task, samples = Path(folder), data.task, data.samples
    (folder / METRICS_FILE).unlink(missing_ok=True)
    measured = {
        name: measure(windows, horizons_s=task.horizons_s, report_horizons_s=task.report_horizons_s)
        for name, windows in evaluated.items()
    }
    summaries = {
        name: summarize(
            measurements, recording_users=samples.user_ids, bootstrap_draws=bootstrap_draws
        )
        for name, measurements in measured.items()
    }
    numbers = metrics_table(
        measured,
        seed=seed,
        recording_users=samples.user_ids,
        recording_videos=samples.video_ids,
    )
    table = results_table(
        {name: of_model(numbers, name) for name in measured}, bootstrap_draws=bootstrap_draws
    )
    table = dataclasses.replace(table, footnotes=(*table.footnotes, *remarks))
    own = next(iter(evaluated.values()))
    rows = row_tables(
        own,
        recording_users=samples.user_ids,
        recording_videos=samples.video_ids,
        horizons_s=task.horizons_s,
        sampling_rate_hz=task.sampling_rate_hz,
        report_horizons_s=task.report_horizons_s,
    )
    write_table(rows.errors, folder / ERRORS_FILE)
    write_table(rows.predictions, folder / PREDICTIONS_FILE)
    write_table(numbers, folder / METRICS_TABLE_FILE)
    write_text(folder / TABLE_FILE, table.to_markdown())
    return Report(measured, summaries, table)


def finish(
    folder: str | Path,
    task: str,
    summaries: Mapping[str, Mapping[str, Any]],
    absent_streams: Sequence[str] = (),
) -> None:
    """Write metrics.json when all else that the run promises is there: it is finished then.

    Args:
        folder: Folder of the run.
        task: Name of the task.
        summaries: From `write_report`.
        absent_streams: Streams that the first model can read and the data lack.
    """
    metrics = {"task": task, "absent_streams": list(absent_streams), "models": summaries}
    write_text(Path(folder) / METRICS_FILE, json.dumps(metrics, indent=1))


def draw_run_pictures(
    folder: Path,
    model: Forecaster,
    evaluated: EvaluatedWindows,
    measured: Mapping[str, Measurements],
    data: ViewportDataModule,
    *,
    data_name: str = "",
    bootstrap_draws: int = 10_000,
    formats: Sequence[str] = ("png",),
) -> dict[str, Path]:
    """Draw paths over the frame, error against horizon, both together, and the gates.

    Args:
        folder: Folder of the run.
        model: The run's model, on the CPU.
        evaluated: The run's own predictions.
        measured: By model name, the baselines among them.
        data: What was evaluated on.
        data_name: What titles call the data set.
        bootstrap_draws: Resamples of the users.
        formats: File formats; without one nothing is drawn.

    Returns:
        Files of the first format by name: ``viewport_path``, ``error_by_horizon``, ``overview``;
        ``gates`` where the model has some.
    """
    if not formats:
        return {}
    samples = data.samples
    users = {samples.user_ids[recording] for recording in evaluated.recording_index.tolist()}
    title = f"{model.name}, {counted(len(evaluated), len(users))}"
    if data_name:
        title = f"{model.name} on {data_name}, {counted(len(evaluated), len(users))}"
    positions = typical_windows(evaluated, samples.video_ids)
    forecasts = _forecasts(evaluated, data, positions)
    curves = error_curves(measured, samples.user_ids, bootstrap_draws)
    figures = {
        "viewport_path": path_figure(forecasts, title=f"{title}\nwindows of median error"),
        "error_by_horizon": error_figure(curves, title=title),
        "overview": overview_figure(forecasts, curves, title=title),
    }
    video = samples.video_ids[int(evaluated.recording_index[positions[0]])]
    gates, anchors_s = _gates(model, data, evaluated, video)
    if gates:
        viewers = max(len(gate) for gate in gates.values())
        gates_title = f"Gates: video {video}, {viewers} viewer{'' if viewers == 1 else 's'}"
        figures["gates"] = gates_figure(gates, anchors_s, title=gates_title)
    for name, figure in figures.items():
        for ending in formats:
            save_figure(figure, folder / f"{name}.{ending}")
    return {name: folder / f"{name}.{formats[0]}" for name in figures}


def _forecasts(
    evaluated: EvaluatedWindows, data: ViewportDataModule, positions: Sequence[int]
) -> list[PathForecast]:
    """Some evaluated windows with what is drawn of them."""
    # The test windows are cut in the order in which evaluated windows are sorted.
    windows = data.test_windows[list(positions)]
    errors_deg = error_deg(evaluated.predicted, evaluated.future).mean(dim=1)
    # Of the moments that a window looks at, the middle one: among its predictions.
    maps = windows.saliency_index[:, windows.saliency_index.shape[1] // 2]
    forecasts = []
    for number, position in enumerate(positions):
        recording = int(evaluated.recording_index[position])
        anchor_s = float(evaluated.anchor_step[position]) / data.task.sampling_rate_hz
        background = None
        if len(windows.saliency_maps) > 0 and maps[number] >= 0:
            saliency = windows.saliency_maps[int(maps[number])]
            background = saliency / saliency.max()
        forecasts.append(
            PathForecast(
                windows.history_directions[number],
                evaluated.future[position],
                evaluated.predicted[position],
                data.task.horizons_s,
                f"viewer {data.samples.user_ids[recording]}, "
                f"video {data.samples.video_ids[recording]} at {anchor_s:g} s: "
                f"mean error {float(errors_deg[position]):.0f}°",
                background,
            )
        )
    return forecasts


@torch.no_grad()
def _gates(
    model: Forecaster, data: ViewportDataModule, evaluated: EvaluatedWindows, video: str
) -> tuple[dict[str, Tensor], Tensor]:
    """Gates of all viewers of a video, ``(viewers, anchors)`` each, and the anchors' times."""
    recordings = [
        recording
        for recording in evaluated.recording_index.unique().tolist()
        if data.samples.video_ids[recording] == video
    ]
    rows = torch.nonzero(torch.isin(evaluated.recording_index, torch.tensor(recordings)))[:, 0]
    # A few windows at a time: what these look at may be large.
    parts = [
        model.eval().stream_gates(data.test_windows[few.tolist()])
        for few in rows.split(WINDOWS_AT_ONCE)
    ]
    steps, column = evaluated.anchor_step[rows].unique(return_inverse=True)
    viewer = torch.searchsorted(torch.tensor(recordings), evaluated.recording_index[rows])
    gates = {}
    for name in parts[0]:
        gate = torch.cat([part[name] for part in parts]).double()
        gates[name] = gate.new_full((len(recordings), len(steps)), torch.nan)
        # 0 where the stream is lost.
        gates[name][viewer, column] = gate.where(gate > 0, torch.nan)
    return gates, steps / data.task.sampling_rate_hz
