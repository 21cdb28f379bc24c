"""The order of training windows: which meet in a batch, and what an epoch draws.

The smoothness term of the fusion model compares predictions made one after the other for the same
viewer; in plainly shuffled batches such pairs hardly ever meet. Models that read saliency share
that work between windows of one video and nearly one moment, of any viewers.

What an epoch draws depends on its number, not on what was drawn before it. A training that was
interrupted and resumed therefore draws what it would have drawn anyway.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

ORDER, NOISE = 0, 1
"""What a seed is for: the order of the windows, or everything else that is drawn."""


def epoch_seed(seed: int, epoch: int, purpose: int = NOISE, process: int = 0) -> int:
    """A seed for one epoch, unlike those of other epochs and of other seeds; below 2^32.

    Args:
        seed: The seed of the run.
        epoch: The epoch, from 0.
        purpose: `ORDER` or `NOISE`; the two are independent.
        process: Which of several processes draws. They must agree on the order, and each has its
            own noise.
    """
    return int(np.random.SeedSequence((seed, epoch, purpose, process)).generate_state(1)[0])


class RunSampler(Sampler[int]):
    """Every window once per epoch; not single windows are shuffled, but groups of them.

    A run is ``run_length`` windows with consecutive numbers. A group is ``group_size`` windows,
    made of runs that are neighbours in ``order``. Where the groups begin changes every epoch.
    Lightning calls `set_epoch`.

    Args:
        windows: Number of windows.
        run_length: Windows per run; the batch size should be a multiple of it.
        seed: Decides the shuffling, together with the epoch.
        processes: Number of processes. Lightning assigns the indices to them in turn; groups are
            interleaved so that each process gets whole groups.
        order: The numbers of all windows in the order in which groups are cut; None: ascending.
        group_size: Windows per group, rounded down to whole runs; the batch size should be a
            multiple of it.
    """

    def __init__(
        self,
        windows: int,
        run_length: int = 1,
        seed: int = 0,
        processes: int = 1,
        order: Tensor | None = None,
        group_size: int = 1,
    ) -> None:
        self.windows = windows
        self.run_length = run_length
        self.seed = seed
        self.epoch = 0
        self.processes = processes
        order = torch.arange(windows) if order is None else order
        self._starts = order[order % run_length == 0]
        self._runs_a_group = max(1, group_size // run_length)

    def __len__(self) -> int:
        return self.windows

    def set_epoch(self, epoch: int) -> None:
        """Take the order of an epoch, from 0, until another is set."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, self.epoch, ORDER))
        starts, size = self._starts, self._runs_a_group
        if size > 1:
            first = torch.randint(len(starts), (1,), generator=generator)
            starts = starts.roll(int(first))
        # Indices past the end fill up the last group, and are dropped below.
        starts = torch.nn.functional.pad(starts, (0, -len(starts) % size), value=self.windows)
        runs = starts.unsqueeze(1) + torch.arange(self.run_length)
        groups = runs.reshape(-1, size * self.run_length)
        groups = groups[torch.randperm(len(groups), generator=generator)]
        if self.processes > 1:
            groups = self._interleave(groups)
        indices = groups.flatten()
        return iter(indices[indices < self.windows].tolist())

    def _interleave(self, groups: Tensor) -> Tensor:
        # A short group would shift whose turn it is, so it goes last.
        short = (groups >= self.windows).any(dim=1)
        groups = torch.cat((groups[~short], groups[short]))
        in_turns = len(groups) // self.processes * self.processes
        turns = groups[:in_turns].unflatten(0, (-1, self.processes)).transpose(1, 2)
        return torch.cat((turns.flatten(), groups[in_turns:].flatten()))
