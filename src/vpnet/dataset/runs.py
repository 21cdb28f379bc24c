"""Batches in which windows come in short runs of consecutive anchors.

The smoothness term of the fusion model compares predictions made one after the other for the same
viewer; in plainly shuffled batches such pairs hardly ever meet.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler


class RunSampler(Sampler[int]):
    """Every window once an epoch, in shuffled runs of consecutive windows.

    Args:
        windows: Number of windows.
        run_length: Windows a run; the batch size should be a multiple of it.
        generator: Source of the shuffling; None uses torch's global one.
        processes: Number of processes that indices are dealt out to, one each in turn, as
            Lightning does; runs are interleaved so that each process gets whole ones.
    """

    def __init__(
        self,
        windows: int,
        run_length: int,
        generator: torch.Generator | None = None,
        processes: int = 1,
    ) -> None:
        self.windows = windows
        self.run_length = run_length
        self.generator = generator
        self.processes = processes

    def __len__(self) -> int:
        return self.windows

    def __iter__(self) -> Iterator[int]:
        runs = -(-self.windows // self.run_length)
        starts = torch.randperm(runs, generator=self.generator) * self.run_length
        indices = starts.unsqueeze(1) + torch.arange(self.run_length)
        if self.processes > 1:
            indices = self._interleave(indices)
        indices = indices.flatten()
        return iter(indices[indices < self.windows].tolist())

    def _interleave(self, indices: Tensor) -> Tensor:
        # A short run would shift whose turn it is, so it goes last.
        short = (indices >= self.windows).any(dim=1)
        indices = torch.cat((indices[~short], indices[short]))
        grouped = len(indices) // self.processes * self.processes
        groups = indices[:grouped].unflatten(0, (-1, self.processes)).transpose(1, 2)
        return torch.cat((groups.flatten(), indices[grouped:].flatten()))
