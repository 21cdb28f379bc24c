"""Which backends decode: each is given a small video made on the spot."""

import tempfile
from pathlib import Path

import torch

from vpnet.errors import InputError
from vpnet.video.encoding import VideoWriter
from vpnet.video.opening import BACKENDS, open_video
from vpnet.video.probe import probe_video

ROWS, COLUMNS, FRAMES = 64, 128, 8
GREYS = torch.linspace(30, 220, FRAMES)
"""Brightness of each frame."""

TOLERANCE = 6.0
"""Between what was written and what is decoded, for the film is compressed."""


def check_decoders() -> dict[str, str | None]:
    """What is wrong with each backend, by its name; None where it decodes the right frames."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "grey.mp4"
        with VideoWriter(file, COLUMNS, ROWS, 30.0) as writer:
            for grey in GREYS.tolist():
                writer.write(torch.full((3, ROWS, COLUMNS), int(grey), dtype=torch.uint8))
        return {backend: _complaint(file, backend) for backend in sorted(BACKENDS)}


def _complaint(file: Path, backend: str) -> str | None:
    try:
        reader = open_video(probe_video(file), backend)
        greys = torch.stack([frame.float().mean() for frame in reader.frames(range(FRAMES))])
        reader.close()
    except InputError as error:
        return str(error)
    furthest = float((greys.cpu() - GREYS).abs().max())
    return None if furthest <= TOLERANCE else f"decodes other frames, {furthest:.0f} of 255 away"
