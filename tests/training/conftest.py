"""A tiny experiment: simulated viewers, a small LSTM, a trainer that keeps quiet."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger

from vpnet.dataset.datamodule import ViewportDataModule
from vpnet.dataset.splits import CrossVideo
from vpnet.dataset.task import Task
from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import direction_from_angles
from vpnet.models.forecaster import Forecaster
from vpnet.models.lstm import LSTM
from vpnet.recordings.recording import Recording
from vpnet.saliency.center_bias import CenterBias
from vpnet.simulation.study import simulate_recordings
from vpnet.training.checkpoint import describe
from vpnet.training.forecasting_module import ForecastingModule
from vpnet.training.loss import ForecastLoss
from vpnet.training.trainer import make_trainer

TASK: dict[str, Any] = {
    "name": "tiny",
    "sampling_rate_hz": 5,
    "history_s": 1.0,
    "horizons_s": [0.2, 1.0],
    "report_horizons_s": [0.2, 1.0],
    "first_anchor_s": 1.0,
    "anchor_stride_s": 1.0,
    "train_stride_s": 0.4,
}
FACE_FEATURES = ["Jaw_Drop", "FaceActivity"]
SALIENCY = {
    "name": "center_bias",
    "height": 12,
    "width": 24,
    "smoothing_deg": 8.0,
}


@pytest.fixture(scope="session")
def recordings() -> list[Recording]:
    return simulate_recordings(users=4, videos=4, duration_s=10.0)


@pytest.fixture
def data(recordings) -> ViewportDataModule:
    """Every stream, about 270 training windows."""
    return ViewportDataModule(
        recordings,
        CrossVideo(val_fraction=0.25, test_fraction=0.25),
        Task(**TASK),
        saliency=CenterBias(12, 24),
        face_features=FACE_FEATURES,
        batch_size=64,
        eval_batch_size=10,
    )


@pytest.fixture
def make_module(data) -> Callable[..., ForecastingModule]:
    """Function that makes the module of a model (an LSTM of 8 units), described for checkpoints."""

    def make(model: Forecaster | None = None, lr: float = 1e-2, **arguments: Any):
        if model is None:
            torch.manual_seed(0)
            model = LSTM(data.spec, hidden=8, layers=1)
        config = {
            "model": {"name": model.name},
            "task": TASK,
            "saliency": SALIENCY,
            "face_features": FACE_FEATURES,
            "seed": 3,
        }
        return ForecastingModule(
            model,
            ForecastLoss(len(data.spec.horizon_steps)),
            partial(torch.optim.Adam, lr=lr),
            description=describe(
                config,
                data.spec,
                data.users,
                data.saliency,
                data.keys((*data.partition.train, *data.partition.val)),
            ),
            **arguments,
        )

    return make


@pytest.fixture
def quiet_trainer(tmp_path) -> Callable[..., pl.Trainer]:
    """Function that makes a trainer for the CPU, with ``csv/metrics.csv`` in its folder."""

    def make(folder: Path = tmp_path, max_epochs: int = 1, **arguments: Any) -> pl.Trainer:
        return make_trainer(
            folder,
            loggers=[CSVLogger(folder, name="csv", version="")],
            progress_bar=False,
            max_epochs=max_epochs,
            **arguments,
        )

    return make


@pytest.fixture
def window_on_the_equator() -> Callable[..., ViewportWindow]:
    """Function that makes a batch whose futures lie on the equator, all else empty."""

    def make(
        future_yaw_deg: list[list[float]],
        future_valid: list[list[bool]] | None = None,
        recording_index: list[int] | None = None,
        anchor_step: list[int] | None = None,
    ) -> ViewportWindow:
        yaw_rad = torch.deg2rad(torch.tensor(future_yaw_deg))
        batch = len(yaw_rad)
        known = torch.ones_like(yaw_rad, dtype=torch.bool)
        history = torch.zeros(batch, 2)
        vectors = torch.zeros(batch, 2, 3)
        return ViewportWindow(
            history_directions=vectors,
            history_valid=history > 0,
            history_roll_rad=history,
            gaze_directions=vectors,
            gaze_offset_deg=vectors,
            is_fixating=history,
            fixation_duration_s=history,
            gaze_valid=history > 0,
            face=torch.zeros(batch, 2, 0),
            face_valid=history > 0,
            saliency_maps=torch.zeros(0, 1, 1),
            saliency_points=torch.zeros(0, 1, 4),
            saliency_index=torch.full((batch, 1), -1),
            crowd_directions=torch.zeros(batch, 0, 3, 3),
            crowd_valid=torch.zeros(batch, 0, 3, dtype=torch.bool),
            answers=torch.zeros(batch, 0),
            answers_valid=torch.zeros(batch, 0, dtype=torch.bool),
            user_index=torch.zeros(batch, dtype=torch.long),
            future_directions=direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad)),
            future_valid=known if future_valid is None else torch.tensor(future_valid),
            recording_index=torch.tensor(recording_index or [0] * batch),
            anchor_step=torch.tensor(anchor_step or list(range(batch))),
        )

    return make
