"""PAVER filled as the golden tensors' network was, their inputs, and short panoramas."""

import math
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vpnet.paver.network import Paver
from vpnet.video.video_file import video_writer


def fill(module: nn.Module) -> None:
    """Fill every tensor of a state dict with numbers that its name decides."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            random = np.random.default_rng(zlib.crc32(name.encode()))
            values = random.standard_normal(tuple(tensor.shape)).astype(np.float32)
            values *= np.float32(0.02)
            if name.endswith(("norm1.weight", "norm2.weight")) or name == "norm.weight":
                values += np.float32(1)
            tensor.copy_(torch.from_numpy(values))


def golden_video() -> Tensor:
    """The golden run's five frames, uint8."""
    x, y = np.arange(448), np.arange(224)
    u, w = 2 * np.pi * x / 448, (np.pi * (y + 0.5) / 224)[:, None]
    frames = np.empty((5, 3, 224, 448))
    for t in range(5):
        for c in range(3):
            frames[t, c] = (
                127.5
                + 60 * np.sin((c + 2) * u + 0.7 * t) * np.cos((3 - c) * w)
                + 40 * np.sin(7 * u - 5 * w + 1.3 * c + 0.3 * t)
                + 25 * np.cos(23 * u + 0.5 * t) * np.sin(17 * w + c)
            )
    return torch.from_numpy(np.floor(frames + 0.5).astype(np.uint8))


@pytest.fixture(scope="session")
def filled_paver() -> Paver:
    """The whole network, filled; not to be changed."""
    paver = Paver().eval().requires_grad_(False)
    fill(paver.encoder)
    fill(paver.decoder)
    return paver


@pytest.fixture(scope="session")
def small_encoder() -> dict[str, int]:
    """Size of an encoder for tests of the flow: its maps mean nothing."""
    return {"width": 32, "depth": 1, "heads": 2}


@pytest.fixture(scope="session")
def small_paver(small_encoder) -> Paver:
    """A network with a small encoder, filled; not to be changed."""
    paver = Paver(**small_encoder).eval().requires_grad_(False)
    fill(paver.encoder)
    fill(paver.decoder)
    return paver


@pytest.fixture(scope="session")
def golden(shared) -> Callable[[str], dict[str, Tensor]]:
    """Function that loads golden tensors by their file's name."""

    def load(name: str) -> dict[str, Tensor]:
        with np.load(Path(shared) / "golden" / "paver" / f"{name}.npz") as file:
            return {key: torch.from_numpy(file[key]) for key in file.files}

    return load


@pytest.fixture(scope="session")
def golden_frames() -> Tensor:
    """The first and the last golden frame as the network takes them, ``(2, 3, 224, 448)``."""
    return golden_video()[[0, -1]].float() / 255 / 0.5 - 1


@pytest.fixture(scope="session")
def golden_tokens(filled_paver, golden_frames) -> Tensor:
    """The encoder's output for the golden frames; not to be changed."""
    return filled_paver.encoder(golden_frames)


@pytest.fixture(scope="session")
def decoder_tokens() -> Tensor:
    """The golden decoder's input: class token, then patches, ``(1, 5, 393, 768)``."""
    random = np.random.default_rng(0)
    patches = random.standard_normal((1, 5, 392, 768)).astype(np.float32)
    label = random.standard_normal((1, 5, 768)).astype(np.float32)
    return torch.cat((torch.from_numpy(label).unsqueeze(2), torch.from_numpy(patches)), dim=2)


def write_panorama(path: Path, frames: int, seed: int = 0, rate_hz: float = 30.0) -> Path:
    """A bright spot that travels over a striped sphere, 256 x 128."""
    yaw = torch.linspace(-math.pi, math.pi, 257)[:-1]
    rows = torch.linspace(math.pi / 2, -math.pi / 2, 128).unsqueeze(1)
    with video_writer(path, 256, 128, rate_hz) as add:
        for number in range(frames):
            spot = torch.exp(6 * (torch.cos(rows) * torch.cos(yaw - 0.2 * number - seed)) - 6)
            stripes = 60 + 30 * torch.sin(5 * yaw + seed) * torch.cos(rows)
            red = (stripes + 150 * spot).clamp(0, 255)
            frame = torch.stack((red, stripes.expand_as(red), 200 * spot)).clamp(0, 255)
            add(frame.to(torch.uint8))
    return path


@pytest.fixture(scope="session")
def panoramas(tmp_path_factory) -> Path:
    """Folder of two videos of 0.6 s and 0.4 s; not to be written to."""
    folder = tmp_path_factory.mktemp("videos")
    write_panorama(folder / "street.mp4", 18)
    write_panorama(folder / "beach [2].mp4", 12, seed=1)
    return folder


@pytest.fixture(scope="session")
def predict_saliency(run_script, small_encoder) -> Callable:
    """Function that runs predict.py predict=saliency with made-up weights, small."""

    def run(videos: object, output: Path, *settings: object):
        return run_script(
            "predict.py",
            "predict=saliency",
            f"videos='{videos}'",
            f"output={output}",
            "saliency.random_weights=true",
            *(f"saliency.{name}={value}" for name, value in small_encoder.items()),
            "clip=sampled",
            "trainer.progress_bar=false",
            "trainer.accelerator=cpu",
            *settings,
        )

    return run
