"""The pictures that every run leaves behind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.examples import typical_windows
from vpnet.runs.finished_runs import PICTURES
from vpnet.models.forecaster import Forecaster
from vpnet.plots.error_by_horizon import curves_from_summaries, plot_error_by_horizon
from vpnet.plots.gates import plot_gates
from vpnet.plots.overview import plot_overview
from vpnet.plots.viewport_path import PathForecast, plot_viewport_path

WINDOWS_AT_ONCE = 128


def draw_run_pictures(
    folder: Path,
    model: Forecaster,
    evaluated: EvaluatedWindows,
    summaries: Mapping[str, Mapping[str, Any]],
    data: ViewportDataModule,
) -> dict[str, Path]:
    """Draw paths over the frame, error against horizon, both side by side, and the gates.

    Args:
        folder: Folder of the run.
        model: The run's model, on the CPU.
        evaluated: The run's own predictions.
        summaries: By model name, the baselines among them.
        data: What was evaluated on.

    Returns:
        Files by name: ``viewport_path``, ``error_by_horizon``, ``overview``; ``gates`` where the
        model has some.
    """
    positions = typical_windows(evaluated, data.samples.video_ids)
    # The test windows are cut in the order in which evaluated windows are sorted.
    windows = data.test_windows[positions]
    forecasts = [
        PathForecast(window_history, evaluated.future[position], evaluated.predicted[position])
        for window_history, position in zip(windows.history_directions, positions, strict=True)
    ]
    video = data.samples.video_ids[int(windows.recording_index[0])]
    background = None
    # Of the moments that a window looks at, the middle one: among its predictions.
    looked_at = windows.saliency_index[:, windows.saliency_index.shape[1] // 2]
    shown = int(looked_at[0])
    if len(windows.saliency_maps) > 0 and shown >= 0 and (looked_at == shown).all():
        background = windows.saliency_maps[shown] / windows.saliency_maps[shown].max()
    curves = curves_from_summaries(summaries)
    title = f"Video {video}: windows of median error, {len(positions)} viewers"
    files = {name: folder / f"{name}.png" for name in PICTURES}
    plot_viewport_path(forecasts, files["viewport_path"], title=title, background=background)
    plot_error_by_horizon(curves, files["error_by_horizon"])
    plot_overview(forecasts, curves, files["overview"], background=background, path_title=title)
    recording = int(windows.recording_index[0])
    rows = torch.nonzero(evaluated.recording_index == recording)[:, 0]
    gates = _gates(model, data, rows)
    if gates:
        files["gates"] = folder / "gates.png"
        plot_gates(
            gates,
            evaluated.anchor_step[rows] / data.task.sampling_rate_hz,
            files["gates"],
            title=f"Gates: viewer {data.samples.user_ids[recording]}, video {video}",
        )
    return files


@torch.no_grad()
def _gates(model: Forecaster, data: ViewportDataModule, rows: Tensor) -> dict[str, Tensor]:
    """Gates of some test windows, a few at a time: what these look at may be large."""
    parts = [
        model.eval().stream_gates(data.test_windows[few.tolist()])
        for few in rows.split(WINDOWS_AT_ONCE)
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
