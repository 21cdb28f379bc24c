"""Keeps every chunk as soon as it is computed, and a video's file as soon as it is whole."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import BasePredictionWriter

from vpnet.errors import InputError
from vpnet.paver.extraction.chunk_data import Chunk
from vpnet.paver.extraction.saliency_module import ChunkMaps
from vpnet.paver.extraction.video_job import VideoJob
from vpnet.paver.store.part import StorePart, encode_maps


class PartWriter(BasePredictionWriter):
    """Writes parts, and finishes videos.

    Args:
        jobs: The videos, in the dataset's order.
        dtype: How maps are kept, ``uint8`` or ``float16``.
    """

    def __init__(self, jobs: Sequence[VideoJob], dtype: str) -> None:
        super().__init__("batch")
        self.jobs = tuple(jobs)
        self.dtype = dtype

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: ChunkMaps,
        batch_indices: Any,
        batch: Chunk,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Keep one chunk."""
        job = self.jobs[batch.job]
        if len(prediction.maps) > 0 or batch.damage is not None:
            part = None
            if len(prediction.maps) > 0:
                part = self._part(job, prediction, batch)
            job.keep(batch.number, part, batch.damage)
        try:
            job.finish()
        except InputError:
            # Named in the table at the end; the other videos go on.
            return

    def _part(self, job: VideoJob, prediction: ChunkMaps, batch: Chunk) -> StorePart:
        frame_index = batch.frame_index.cpu()
        return StorePart(
            frame_index=frame_index.numpy(),
            times_s=job.video.frame_times_s[frame_index].numpy(),
            maps=encode_maps(prediction.maps, self.dtype),
            scores=prediction.scores.numpy().reshape(-1, 14, 28),
            point_pixels=prediction.points.pixels.numpy().astype(np.uint32),
            point_values=prediction.points.values.numpy().astype(np.float16),
        )
