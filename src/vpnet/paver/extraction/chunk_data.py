"""Chunks of videos as a Lightning data module: decoded when they are asked for, and only then."""

from collections.abc import Sequence
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vpnet.errors import InputError
from vpnet.paver.extraction.video_job import VideoJob
from vpnet.video.frames import DecodingError, FrameReader
from vpnet.video.opening import open_video
from vpnet.video.resizing import read_resized


class Chunk(NamedTuple):
    """Frames of one chunk and the clips they form."""

    job: int
    """Which video."""
    number: int
    """Which chunk of it."""
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
    """The chunks that remain to be computed, video after video.

    Args:
        jobs: The videos.
        height: Rows of a frame as the network takes it.
        width: Columns of it.
        backend: What decodes.
        device: Where it decodes.
    """

    def __init__(
        self,
        jobs: Sequence[VideoJob],
        height: int,
        width: int,
        backend: str = "auto",
        device: str = "cpu",
    ) -> None:
        self.jobs = tuple(jobs)
        self.height = height
        self.width = width
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
            return self._chunk(at, number, torch.empty(0, 3, self.height, self.width).byte(), None)
        wanted = sorted({frame for clip in job.chunk(number) for frame in clip.frames})
        try:
            frames = read_resized(self._reader(at), wanted, self.height, self.width)
        except DecodingError as error:
            readable = wanted[: wanted.index(error.frame)] if error.frame in wanted else []
            frames = torch.empty(0, 3, self.height, self.width, dtype=torch.uint8)
            if readable:
                frames = read_resized(self._reader(at), readable, self.height, self.width)
            return self._chunk(at, number, frames, str(error))
        except InputError as error:
            return self._chunk(
                at, number, torch.empty(0, 3, self.height, self.width).byte(), str(error)
            )
        return self._chunk(at, number, frames, None)

    def _reader(self, at: int) -> FrameReader:
        """The video's reader, opened by the process that reads, one at a time."""
        if self._open is None or self._open[0] != at:
            self.close()
            self._open = (at, open_video(self.jobs[at].video, self.backend, self.device))
        return self._open[1]

    def close(self) -> None:
        """Close the video that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _chunk(self, at: int, number: int, frames: Tensor, damage: str | None) -> Chunk:
        clips = self.jobs[at].chunk(number)
        wanted = sorted({frame for clip in clips for frame in clip.frames})
        row = {frame: position for position, frame in enumerate(wanted[: len(frames)])}
        whole = [clip for clip in clips if all(frame in row for frame in clip.frames)]
        kept = [clip.frames[position] for clip in whole for position in clip.kept]
        return Chunk(
            at,
            number,
            frames,
            tuple(torch.tensor([row[frame] for frame in clip.frames]) for clip in whole),
            tuple(torch.tensor(clip.kept) for clip in whole),
            torch.tensor(kept, dtype=torch.long),
            damage,
        )


class ChunkDataModule(pl.LightningDataModule):
    """Loads chunks ahead of the network; Lightning shares them out among devices and nodes.

    Args:
        dataset: The chunks.
        num_workers: Decoding processes; 0 decodes in the main one.

    Raises:
        InputError: Frames shall be decoded on a GPU in other processes.
    """

    def __init__(self, dataset: ChunkDataset, num_workers: int = 0) -> None:
        super().__init__()
        if num_workers > 0 and dataset.device != "cpu":
            raise InputError(
                f"decode_device={dataset.device} works in the main process only; set num_workers=0"
            )
        self.dataset = dataset
        self.num_workers = num_workers

    def predict_dataloader(self) -> DataLoader[Chunk]:
        """One chunk at a time: it holds many clips."""
        return DataLoader(
            self.dataset,
            batch_size=None,
            num_workers=self.num_workers,
            # One chunk ahead for each process: decoded chunks are large.
            prefetch_factor=1 if self.num_workers > 0 else None,
        )
