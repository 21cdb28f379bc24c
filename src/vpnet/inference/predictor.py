"""Predictions of one trained model for any recording."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, SequentialSampler

from vpnet.dataset.samples import gather_samples
from vpnet.dataset.task import Task
from vpnet.dataset.window import ViewportWindow
from vpnet.dataset.windows import VideoContent, cut_windows
from vpnet.errors import InputError
from vpnet.evaluation.prediction_table import prediction_table
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.forecaster import Forecaster
from vpnet.recordings.recording import Recording
from vpnet.recordings.resampling import resample
from vpnet.saliency.crowd import Crowd
from vpnet.saliency.source import SaliencySource
from vpnet.viewer_ids import KnownViewers

logger = logging.getLogger(__name__)


class Predictor:
    """A model ready to predict.

    Args:
        model: The network, with its weights.
        task: The task it was trained for.
        users: Users of its embedding, in order; others are unknown to it. None knows nobody.
        face_features: Features of the face it was trained with.
        saliency: Where anyone might look, fitted; or None.
        crowd: Where others looked, fitted; or None.
        device: Where to compute.
        batch_size: Windows at a time; on the CPU few at a time stay in its cache.
    """

    def __init__(
        self,
        model: Forecaster,
        task: Task,
        *,
        users: KnownViewers | None = None,
        face_features: Sequence[str] = (),
        saliency: SaliencySource | None = None,
        crowd: Crowd | None = None,
        device: str | torch.device = "cpu",
        batch_size: int = 128,
    ) -> None:
        self.model = model.eval().to(device)
        self.task = task
        self.users = users
        self.face_features = tuple(face_features)
        self.saliency = saliency
        self.crowd = crowd
        self.device = torch.device(device)
        self.batch_size = batch_size
        self._warned: set[tuple[str, str]] = set()

    def predict(self, recording: Recording, stride_s: float | None = None) -> pl.DataFrame:
        """Predict from every anchor of a recording that has a whole history.

        Args:
            recording: Any recording.
            stride_s: Distance of the anchors, s; None predicts at every step of the task's clock.

        Returns:
            Columns user, video, anchor_s, horizon_s, yaw_deg, elevation_deg, x, y, z and
            error_deg, which is null where the future is not known; a row per anchor and horizon.

        Raises:
            InputError: The recording is shorter than the history, or its head is lost too often.
        """
        task = self.task
        samples = gather_samples(
            [resample(recording, task.sampling_rate_hz, **task.gaps_s)],
            task.sampling_rate_hz,
            self.face_features,
        )
        for source in (self.saliency, self.crowd):
            if source is not None:
                source.bind(samples.user_ids, samples.video_ids)
        windows = cut_windows(
            samples,
            [0],
            VideoContent(self.model.spec, self.saliency, self.crowd),
            self.users,
            first_anchor_step=int(samples.first_step[0]) + task.history_steps - 1,
            stride_steps=1 if stride_s is None else task.steps(stride_s, "stride_s"),
            known_future=False,
        )
        if len(windows) == 0:
            raise InputError(
                f"{recording.source}: no history of {task.history_s:g} s without a lost head sample"
            )
        batches = BatchSampler(SequentialSampler(windows), self.batch_size, drop_last=False)
        # Steps of a recurrent network are too small to be worth sharing out; whole batches are.
        workers = torch.get_num_threads() if self.device.type == "cpu" else 1
        with ThreadPoolExecutor(workers) as pool:
            predicted = pool.map(lambda indices: self._predict_batch(windows[indices]), batches)
            parts = map(torch.cat, zip(*predicted, strict=True))
        directions, errors_rad, anchor_steps, sees_saliency, sees_crowd = parts
        for name, source, seen in (
            ("saliency", self.saliency, sees_saliency),
            ("where the training viewers looked", self.crowd, sees_crowd),
        ):
            lacking = (name, recording.video_id)
            if source is not None and not seen.any() and lacking not in self._warned:
                self._warned.add(lacking)
                logger.warning(
                    "%s: the model was trained with %s, of video %s there is none; predicted "
                    "without it",
                    recording.source,
                    *lacking,
                )
        return self._table(recording, directions, errors_rad, anchor_steps)

    # Inference mode belongs to a thread, so each batch enters it anew.
    @torch.inference_mode()
    def _predict_batch(self, window: ViewportWindow) -> tuple[Tensor, ...]:
        """Directions, errors, anchors, and whether saliency and crowd were there, of a batch.

        Errors are NaN where the future is not known.
        """
        window = ViewportWindow(*(part.to(self.device) for part in window))
        predicted = self.model(window)
        error_rad = great_circle_distance(predicted, window.future_directions)
        error_rad = error_rad.where(window.future_valid, torch.nan)
        sees_saliency = (window.saliency_index >= 0).any(dim=1)
        sees_crowd = window.crowd_valid.flatten(1).any(dim=1)
        parts = (predicted, error_rad, window.anchor_step, sees_saliency, sees_crowd)
        return tuple(part.cpu() for part in parts)

    def _table(
        self, recording: Recording, directions: Tensor, errors_rad: Tensor, anchor_steps: Tensor
    ) -> pl.DataFrame:
        predictions = prediction_table(
            directions,
            torch.ones_like(errors_rad, dtype=torch.bool),
            recording_index=torch.zeros_like(anchor_steps),
            anchor_step=anchor_steps,
            recording_users=[recording.user_id],
            recording_videos=[recording.video_id],
            horizons_s=self.task.horizons_s,
            sampling_rate_hz=self.task.sampling_rate_hz,
        )
        errors_deg = pl.Series("error_deg", torch.rad2deg(errors_rad).flatten().numpy())
        return predictions.with_columns(errors_deg.fill_nan(None))
