"""A short simulated panorama, its maps, and the commands of `vpnet saliency`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from vpnet.cli.app import app
from vpnet.paver.heat_map import HeatMap
from vpnet.paver.store.part import StorePart, encode_maps
from vpnet.paver.store.writing import write_store
from vpnet.saliency.resizing import resize_maps
from vpnet.saliency.salient_points import salient_points
from vpnet.video.encoding import VideoWriter

FRAMES, MAPS = 24, 4


@pytest.fixture
def run() -> Callable[..., str]:
    """Function that runs `vpnet saliency ...` and gives what it printed."""

    def command(*arguments: object) -> str:
        ended = CliRunner().invoke(app, ["saliency", *map(str, arguments)])
        if ended.exception is not None:
            raise ended.exception
        return ended.output

    return command


@pytest.fixture
def video(tmp_path) -> Path:
    """0.8 s of stripes, named as a video of the simulated study."""
    stripes = (100 + 50 * torch.sin(torch.arange(256) / 8)).to(torch.uint8).expand(3, 128, 256)
    with VideoWriter(tmp_path / "simulated_01.mp4", 256, 128, 30.0) as writer:
        for number in range(FRAMES):
            writer.write(stripes.roll(number, dims=2).contiguous())
    return tmp_path / "simulated_01.mp4"


@pytest.fixture
def map_file(tmp_path) -> Path:
    """Its maps, five a second, from simulated scores: the most salient patch is at the left."""
    scores = torch.ones(MAPS, 14, 28)
    scores[:, 7, 3] = 3
    full = HeatMap()(scores.flatten(1))
    points = salient_points(full)
    part = StorePart(
        np.arange(MAPS) * 6,
        np.arange(MAPS) / 5,
        encode_maps(resize_maps(full, 120, 240), "uint8"),
        scores.numpy(),
        points.pixels.numpy().astype(np.uint32),
        points.values.numpy().astype(np.float16),
    )
    settings = {"weights": "random-0", "rate_hz": 5.0, "damage": ""}
    write_store(tmp_path / "simulated_01.h5", [part], settings)
    return tmp_path / "simulated_01.h5"
