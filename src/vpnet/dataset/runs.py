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
    """

    def __init__(
        self, windows: int, run_length: int, generator: torch.Generator | None = None
    ) -> None:
        self.windows = windows
        self.run_length = run_length
        self.generator = generator

    def __len__(self) -> int:
        return self.windows

    def __iter__(self) -> Iterator[int]:
        runs = -(-self.windows // self.run_length)
        starts = torch.randperm(runs, generator=self.generator) * self.run_length
        indices: Tensor = (starts.unsqueeze(1) + torch.arange(self.run_length)).flatten()
        return iter(indices[indices < self.windows].tolist())
