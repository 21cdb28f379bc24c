"""PAVER under Lightning: a chunk of frames in, its maps, scores and salient points out."""

from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor

from vpnet.paver import Paver
from vpnet.paver.extraction.chunk_data import Chunk
from vpnet.saliency.resizing import resize_maps
from vpnet.saliency.salient_points import SalientPoints, salient_points


class ChunkMaps(NamedTuple):
    """What is kept of a chunk."""

    maps: Tensor
    """In [0, 1], float32, ``(maps, height, width)``."""
    scores: Tensor
    """Of the patches, float32, ``(maps, 392)``."""
    points: SalientPoints
    """Of the maps at full size."""


class SaliencyModule(pl.LightningModule):
    """Computes a chunk clip batch by clip batch.

    Args:
        paver: The network, with its weights.
        height: Rows of the maps that are kept.
        width: Columns of them.
        batch_clips: Clips at a time: what decides the memory.
        weighting: How the salient points are chosen; see
            `vpnet.saliency.salient_points.salient_points`.
    """

    def __init__(
        self, paver: Paver, height: int, width: int, batch_clips: int, weighting: str = "none"
    ) -> None:
        super().__init__()
        self.paver = paver.eval().requires_grad_(False)
        self.height = height
        self.width = width
        self.batch_clips = batch_clips
        self.weighting = weighting

    def predict_step(self, chunk: Chunk, batch_idx: int = 0) -> ChunkMaps:
        """Maps of the kept frames of a chunk, in order."""
        batches = [self._batch(chunk, first, stop) for first, stop in self._batches(chunk)]
        if not batches:
            empty = torch.zeros(0, self.height, self.width)
            none = SalientPoints(torch.zeros(0, 128, dtype=torch.long), torch.zeros(0, 128))
            return ChunkMaps(empty, torch.zeros(0, 392), none)
        return ChunkMaps(
            torch.cat([batch.maps for batch in batches]),
            torch.cat([batch.scores for batch in batches]),
            SalientPoints(
                torch.cat([batch.points.pixels for batch in batches]),
                torch.cat([batch.points.values for batch in batches]),
            ),
        )

    def _batches(self, chunk: Chunk) -> list[tuple[int, int]]:
        """Ranges of clips that are computed together: a few of one length."""
        ranges: list[tuple[int, int]] = []
        first = 0
        for at in range(1, len(chunk.clips) + 1):
            is_over = at == len(chunk.clips) or len(chunk.clips[at]) != len(chunk.clips[first])
            if is_over or at - first == self.batch_clips:
                ranges.append((first, at))
                first = at
        return ranges

    def _batch(self, chunk: Chunk, first: int, stop: int) -> ChunkMaps:
        clips = torch.stack(chunk.clips[first:stop]).to(self.device)
        # A frame that several clips share is encoded once.
        distinct, row = torch.unique(clips, return_inverse=True)
        frames = chunk.frames.to(self.device)[distinct]
        tokens = self.paver.encoder(frames.float() / 127.5 - 1)
        scores = self.paver.decoder(tokens[row])
        kept = torch.zeros_like(clips, dtype=torch.bool)
        for position, rows in enumerate(chunk.kept[first:stop]):
            kept[position, rows] = True
        scores = scores[kept].float()
        maps = self.paver.heat_map(scores)
        points = salient_points(maps, weighting=self.weighting)
        return ChunkMaps(
            resize_maps(maps, self.height, self.width).cpu(),
            scores.cpu(),
            SalientPoints(points.pixels.cpu(), points.values.cpu()),
        )
