"""A small file of maps, made of simulated scores."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vpnet.paver.heat_map import HeatMap
from vpnet.paver.store.part import StorePart, encode_maps
from vpnet.paver.store.writing import write_store
from vpnet.saliency.resizing import resize_maps
from vpnet.saliency.salient_points import salient_points


@pytest.fixture(scope="module")
def scores() -> torch.Tensor:
    """Scores as smooth in space and time as a network's, with some noise: simulated."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, 3, 7, 14, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (12, 14, 28), mode="trilinear")[0, 0]
    return 1.7 + 0.8 * smooth + 0.05 * torch.randn(12, 14, 28, generator=generator)


@pytest.fixture(scope="module")
def full_maps(scores) -> torch.Tensor:
    return HeatMap()(scores.flatten(1))


@pytest.fixture(scope="module")
def part(scores, full_maps) -> Callable[..., StorePart]:
    """Function that gives some of the maps, in the form in which they are kept."""
    points = salient_points(full_maps)

    def make(first: int = 0, stop: int = 12, dtype: str = "uint8") -> StorePart:
        rows = slice(first, stop)
        return StorePart(
            np.arange(12)[rows] * 6,
            np.arange(12)[rows] / 5,
            encode_maps(resize_maps(full_maps[rows], 120, 240), dtype),
            scores[rows].numpy(),
            points.pixels[rows].numpy().astype(np.uint32),
            points.values[rows].numpy().astype(np.float16),
        )

    return make


@pytest.fixture
def file(part, tmp_path) -> Path:
    write_store(tmp_path / "v.h5", [part(0, 5), part(5, 12)], {"weights": "w", "rate_hz": 5.0})
    return tmp_path / "v.h5"
