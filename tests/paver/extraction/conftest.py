"""Short simulated panoramas, and the command that turns them into maps."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vpnet.video.encoding import VideoWriter


def write_panorama(path: Path, frames: int, seed: int = 0, rate_hz: float = 30.0) -> Path:
    """A bright spot that travels over a striped sphere, 256 x 128."""
    yaw = torch.linspace(-math.pi, math.pi, 257)[:-1]
    rows = torch.linspace(math.pi / 2, -math.pi / 2, 128).unsqueeze(1)
    with VideoWriter(path, 256, 128, rate_hz) as writer:
        for number in range(frames):
            spot = torch.exp(6 * (torch.cos(rows) * torch.cos(yaw - 0.2 * number - seed)) - 6)
            stripes = 60 + 30 * torch.sin(5 * yaw + seed) * torch.cos(rows)
            red = (stripes + 150 * spot).clamp(0, 255)
            frame = torch.stack((red, stripes.expand_as(red), 200 * spot)).clamp(0, 255)
            writer.write(frame.to(torch.uint8))
    return path


@pytest.fixture(scope="session")
def panoramas(tmp_path_factory) -> Path:
    """Folder of two videos of 0.6 s and 0.4 s; not to be written to."""
    folder = tmp_path_factory.mktemp("videos")
    write_panorama(folder / "street.mp4", 18)
    write_panorama(folder / "beach [2].mp4", 12, seed=1)
    return folder


@pytest.fixture
def predict_saliency(run_script) -> Callable:
    """Function that runs predict.py predict=saliency with made-up weights, small."""

    def run(videos: object, output: Path, *settings: object):
        return run_script(
            "predict.py",
            "predict=saliency",
            f"videos='{videos}'",
            f"output={output}",
            "saliency.random_weights=true",
            "clip=sampled",
            "trainer.progress_bar=false",
            "trainer.accelerator=cpu",
            *settings,
        )

    return run
