"""Simulated evaluations: random directions with known users, masks and anchors."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vpnet.evaluation.metric import EvaluatedWindows
from vpnet.geometry.directions import normalize


@pytest.fixture
def random_directions() -> Callable[..., Tensor]:
    """Uniform directions of any shape, the same for the same seed."""

    def make(*shape: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return normalize(torch.randn(*shape, 3, generator=generator, dtype=torch.float64))

    return make


@pytest.fixture
def make_evaluated(random_directions) -> Callable[..., EvaluatedWindows]:
    """Windows of several recordings with independent random predictions and truth.

    Recording r has ``windows_of[r]`` windows, whose anchors are 30, 35, 40, ... steps.
    """

    def make(windows_of: tuple[int, ...], horizon: int, seed: int = 0) -> EvaluatedWindows:
        windows = sum(windows_of)
        recordings = [r for r, count in enumerate(windows_of) for _ in range(count)]
        anchors = [30 + 5 * k for count in windows_of for k in range(count)]
        return EvaluatedWindows(
            predicted=random_directions(windows, horizon, seed=2 * seed),
            future=random_directions(windows, horizon, seed=2 * seed + 1),
            valid=torch.ones(windows, horizon, dtype=torch.bool),
            recording_index=torch.tensor(recordings),
            anchor_step=torch.tensor(anchors),
        )

    return make
