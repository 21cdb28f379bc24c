"""PAVER under Lightning: chunks of videos are decoded, turned into maps, and kept one by one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import BasePredictionWriter
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vpnet.errors import InputError
from vpnet.paver.map_file import MapPart, encode_maps
from vpnet.paver.network import Paver
from vpnet.paver.sphere_patches import COLUMNS, HEIGHT, ROWS, WIDTH
from vpnet.paver.video_jobs import VideoJob
from vpnet.saliency.maps import resize_maps
from vpnet.saliency.salient_points import salient_points
from vpnet.video.decoders import DecodingError, FrameReader, open_video, read_resized


class Chunk(NamedTuple):
    """Frames of one chunk and the clips they form."""

    job: int
    """The place of its video among the jobs."""
    number: int
    frames: Tensor
    """The distinct frames, uint8, ``(frames, 3, height, width)``."""
    clips: tuple[Tensor, ...]
    """For each clip, the rows of its frames, ``(time,)``."""
    kept: tuple[Tensor, ...]
    """For each clip, the positions of the frames whose map is kept, ``(kept,)``."""
    frame_index: Tensor
    """Numbers of the kept frames in the video, ``(maps,)``."""
    damage: str | None
    """Why clips are missing at the end, or None."""


class ChunkDataset(Dataset[Chunk]):
    """The chunks that remain to be computed, video after video, decoded when they are read.

    `vpnet.video.decoders.open_video` explains ``backend`` and ``device``.
    """

    def __init__(
        self, jobs: Sequence[VideoJob], backend: str = "auto", device: str = "cpu"
    ) -> None:
        self.jobs = tuple(jobs)
        self.backend = backend
        self.device = device
        self._todo = [
            (at, number) for at, job in enumerate(self.jobs) for number in job.missing_chunks()
        ]
        self._open: tuple[int, FrameReader] | None = None

    def __len__(self) -> int:
        return len(self._todo)

    def __getitem__(self, index: int) -> Chunk:
        """Decode a chunk; empty where it was finished meanwhile, by another run on the folder."""
        at, number = self._todo[index]
        job = self.jobs[at]
        if job.path.exists() or job.is_chunk_done(number):
            return self._chunk(at, number, [], None)
        wanted = sorted({frame for clip in job.chunk(number) for frame in clip.frames})
        try:
            return self._chunk(at, number, wanted, None)
        except DecodingError as error:
            readable = wanted[: wanted.index(error.frame)] if error.frame in wanted else []
            return self._chunk(at, number, readable, str(error))
        except InputError as error:
            return self._chunk(at, number, [], str(error))

    def close(self) -> None:
        """Close the video that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _frames(self, at: int, wanted: Sequence[int]) -> Tensor:
        """Frames of a video, opened by the process that reads, one video at a time."""
        if not wanted:
            return torch.empty(0, 3, HEIGHT, WIDTH, dtype=torch.uint8)
        if self._open is None or self._open[0] != at:
            self.close()
            self._open = (at, open_video(self.jobs[at].video, self.backend, self.device))
        return read_resized(self._open[1], wanted, HEIGHT, WIDTH)

    def _chunk(self, at: int, number: int, readable: Sequence[int], damage: str | None) -> Chunk:
        """The clips of a chunk whose frames can all be read."""
        row = {frame: position for position, frame in enumerate(readable)}
        clips = self.jobs[at].chunk(number)
        whole = [clip for clip in clips if all(frame in row for frame in clip.frames)]
        kept = [clip.frames[position] for clip in whole for position in clip.kept]
        return Chunk(
            at,
            number,
            self._frames(at, readable),
            tuple(torch.tensor([row[frame] for frame in clip.frames]) for clip in whole),
            tuple(torch.tensor(clip.kept) for clip in whole),
            torch.tensor(kept, dtype=torch.long),
            damage,
        )


def chunk_loader(dataset: ChunkDataset, num_workers: int) -> DataLoader[Chunk]:
    """Load chunks one at a time, ahead of the network, by processes that decode (0: this one).

    Raises:
        InputError: Frames shall be decoded on a GPU in other processes.
    """
    if num_workers > 0 and dataset.device != "cpu":
        raise InputError(
            f"decode_device={dataset.device} works in the main process only; set num_workers=0"
        )
    # One chunk ahead for each process: decoded chunks are large.
    prefetch = 1 if num_workers > 0 else None
    return DataLoader(dataset, batch_size=None, num_workers=num_workers, prefetch_factor=prefetch)


class SaliencyModule(pl.LightningModule):
    """Computes a chunk clip batch by clip batch.

    Args:
        paver: The network, with its weights.
        height: Rows of the maps that are kept.
        width: Columns of them.
        batch_clips: Clips at a time, which decides the memory.
        weighting: Of the salient points, ``none`` or ``solid_angle``.
    """

    def __init__(
        self, paver: Paver, height: int, width: int, batch_clips: int, weighting: str
    ) -> None:
        super().__init__()
        self.paver = paver.eval().requires_grad_(False)
        self.height = height
        self.width = width
        self.batch_clips = batch_clips
        self.weighting = weighting

    def predict_step(self, chunk: Chunk, batch_idx: int = 0) -> list[Tensor]:
        """Maps of the kept frames of a chunk, in order.

        Returns:
            Maps in [0, 1], ``(maps, height, width)``; scores of the patches, ``(maps, 392)``;
            salient points of the maps at full size, their pixels and values, ``(maps, 128)`` each.
            Empty where no clip of the chunk could be read.
        """
        batches = [self._batch(chunk, first, stop) for first, stop in self._batches(chunk)]
        return [torch.cat(parts) for parts in zip(*batches, strict=True)]

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

    def _batch(self, chunk: Chunk, first: int, stop: int) -> tuple[Tensor, ...]:
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
        small = resize_maps(maps, self.height, self.width)
        return small.cpu(), scores.cpu(), points.pixels.cpu(), points.values.cpu()


class PartWriter(BasePredictionWriter):
    """Keeps every chunk as soon as it is computed, and a video's file as soon as it is whole.

    ``jobs`` are in the dataset's order, ``dtype`` is ``uint8`` or ``float16``.
    """

    def __init__(self, jobs: Sequence[VideoJob], dtype: str) -> None:
        super().__init__("batch")
        self.jobs = tuple(jobs)
        self.dtype = dtype

    def write_on_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        prediction: list[Tensor],
        batch_indices: Any,
        batch: Chunk,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Keep one chunk."""
        job = self.jobs[batch.job]
        if prediction:
            job.keep(batch.number, self._part(job, prediction, batch), batch.damage)
        elif batch.damage is not None:
            job.keep(batch.number, None, batch.damage)
        try:
            job.finish()
        except InputError:
            # Named in the table at the end; the other videos are still computed.
            return

    def _part(self, job: VideoJob, prediction: list[Tensor], batch: Chunk) -> MapPart:
        frame_index = batch.frame_index.cpu()
        maps, scores, pixels, values = prediction
        return MapPart(
            frame_index=frame_index.numpy(),
            times_s=job.video.frame_times_s[frame_index].numpy(),
            maps=encode_maps(maps, self.dtype),
            scores=scores.numpy().reshape(-1, ROWS, COLUMNS),
            point_pixels=pixels.numpy().astype(np.uint32),
            point_values=values.numpy().astype(np.float16),
        )
