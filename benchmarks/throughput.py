"""How fast this machine loads windows, trains and predicts: `make bench`.

Everything is measured on simulated recordings in one run, so that the rows compare; the figures of
one machine say little about another's.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import SPLITS
from vpnet.dataset.task import Task
from vpnet.dataset.window import WindowSpec
from vpnet.inference.predictor import Predictor
from vpnet.models.all_models import MODELS
from vpnet.models.forecaster import Forecaster
from vpnet.recordings.recording import Recording
from vpnet.settings import build
from vpnet.simulation.simulated_study import simulate_recordings
from vpnet.text_table import TextTable
from vpnet.training.fitting import ClosedForm, fit_closed_form
from vpnet.training.loss import forecast_loss
from vpnet.training.optimizers import OPTIMIZERS

CONFIG_FOLDER = Path(__file__).resolve().parents[1] / "conf"
RECORDING_S = 169.0
"""Length of a full Quest Pro recording: 5,071 frames at 30 Hz."""


def main() -> None:
    """Measure and print."""
    torch.manual_seed(0)
    recordings = simulate_recordings(users=8, videos=8, duration_s=60.0)
    whole = simulate_recordings(users=1, videos=1, duration_s=RECORDING_S)[0]
    rows = [
        *(loading_row(name, recordings) for name in ("long_term", "short_term")),
        *(training_row(name, recordings) for name in ("fusion", "lstm", "linear")),
        *(prediction_row(name, whole) for name in ("fusion", "lstm", "linear", "static")),
    ]
    table = TextTable(
        f"Throughput on simulated recordings, {torch.get_num_threads()} CPU threads, "
        f"torch {torch.__version__}",
        ("what", "per second", "measured on"),
        (tuple(rows),),
    )
    Console(width=110).print(table.to_rich())


def loading_row(task_name: str, recordings: list[Recording]) -> tuple[str, str, str]:
    """Windows per second out of the training loader, head and gaze."""
    data = load_data(task_name, recordings, batch_size=512)
    seconds = fastest(lambda: [None for _ in data.train_dataloader()])
    windows = len(data.train_windows)
    return (
        f"windows loaded, {task_name} ({data.task.sampling_rate_hz:g} Hz)",
        f"{windows / seconds:,.0f}",
        f"{windows:,} windows, head, gaze and face, batch 512",
    )


def training_row(model_name: str, recordings: list[Recording]) -> tuple[str, str, str]:
    """Windows per second through loading, forward, backward and optimizer."""
    data = load_data("long_term", recordings, batch_size=256)
    config = compose(f"model={model_name}")
    model: Forecaster = build(MODELS, plain(config.model), "model", spec=data.spec)
    loss = forecast_loss(data.task)

    def epoch() -> None:
        if isinstance(model, ClosedForm):
            fit_closed_form(model, data.train_dataloader())
            return
        optimizer = build(
            OPTIMIZERS,
            plain(config.training.optimizer),
            "optimizer",
            groups=[{"params": list(model.parameters())}],
        )
        for window in data.train_dataloader():
            optimizer.zero_grad()
            loss(model(window), window).backward()
            optimizer.step()

    windows = len(data.train_windows)
    return (
        f"windows trained, {model_name}, long_term",
        f"{windows / fastest(epoch):,.0f}",
        f"{windows:,} windows, batch 256, {model.parameter_count:,} parameters",
    )


def prediction_row(model_name: str, recording: Recording) -> tuple[str, str, str]:
    """Predictions per second of predict.py at 30 Hz, model already loaded."""
    config = compose("task=short_term", f"model={model_name}")
    task = load_task(config)
    spec = WindowSpec(
        task.sampling_rate_hz,
        task.history_steps,
        task.horizon_steps,
        face_features=len(config.face_features),
        has_gaze=True,
        has_face=True,
    )
    model: Forecaster = build(MODELS, plain(config.model), "model", spec=spec)
    predictor = Predictor(model, task, face_features=config.face_features)
    anchors = len(predictor.predict(recording)) // len(task.horizons_s)
    seconds = fastest(lambda: predictor.predict(recording))
    return (
        f"predictions, {model_name}, short_term",
        f"{anchors / seconds:,.0f}",
        f"{anchors:,} anchors of one {RECORDING_S:g} s recording in {seconds:.2f} s, "
        "resampling included",
    )


def fastest(work: Callable[[], Any], repeats: int = 3) -> float:
    """Seconds of the fastest of a few runs: the one that other processes disturbed least."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def compose(*overrides: str) -> DictConfig:
    """The training configuration with overrides."""
    with hydra.initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        return hydra.compose("train", list(overrides))


def load_data(task_name: str, recordings: list[Recording], batch_size: int) -> ViewportDataModule:
    """Windows of the recordings under a task."""
    config = compose(f"task={task_name}")
    return ViewportDataModule(
        recordings,
        build(SPLITS, plain(config.split), "split"),
        load_task(config),
        face_features=config.face_features,
        batch_size=batch_size,
    )


def plain(node: DictConfig) -> dict[str, Any]:
    """A node of a configuration as plain values."""
    return cast(dict[str, Any], OmegaConf.to_container(node, resolve=True))


def load_task(config: DictConfig) -> Task:
    """The task of a configuration."""
    return Task(**cast(dict[str, Any], OmegaConf.to_container(config.task)))


if __name__ == "__main__":
    main()
