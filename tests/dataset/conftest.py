"""Made-up recordings: heads that wander smoothly over the sphere, with every stream or few."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy.signal import lfilter
from torch import Tensor

from vpnet.dataset.samples import Samples, gather_samples
from vpnet.dataset.splits import SPLITS
from vpnet.dataset.task import Task
from vpnet.geometry.directions import direction_from_angles
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles
from vpnet.recordings.recording import Recording
from vpnet.recordings.resampling import resample
from vpnet.settings import build

CONF = Path(__file__).resolve().parents[2] / "conf"


def _wander(samples: int, rate_hz: float, speed_rad_s: float, generator: torch.Generator) -> Tensor:
    """A random walk whose velocity is itself a smooth one."""
    push = torch.randn(samples, generator=generator, dtype=torch.float64)
    # Pushes that are forgotten within a second.
    velocity = lfilter([rate_hz**-0.5], [1.0, 1 / rate_hz - 1], push.numpy())
    return (speed_rad_s / rate_hz * torch.as_tensor(velocity)).cumsum(0)


@pytest.fixture
def make_recording() -> Callable[..., Recording]:
    """Function that makes one recording; ``seed`` decides the path, streams are opt-in.

    Single lost samples (``lost_share``) are bridged by resampling; ``head_lost_s`` loses the head
    from one time to another.
    """

    def make(
        user_id: str = "u",
        video_id: str = "v",
        *,
        duration_s: float = 20.0,
        first_s: float = 0.0,
        rate_hz: float = 20.0,
        seed: int = 0,
        orientation: bool = False,
        gaze: bool = False,
        face: bool = False,
        lost_share: float = 0.0,
        head_lost_s: Sequence[tuple[float, float]] = (),
        answers: Mapping[str, float] | None = None,
    ) -> Recording:
        generator = torch.Generator().manual_seed(seed)
        samples = round(duration_s * rate_hz) + 1
        timestamps_s = first_s + torch.arange(samples, dtype=torch.float64) / rate_hz
        yaw_rad = 3 * seed + _wander(samples, rate_hz, 0.5, generator)
        elevation_rad = 0.5 * torch.sin(_wander(samples, rate_hz, 0.4, generator))
        roll_rad = 0.2 * torch.sin(_wander(samples, rate_hz, 0.4, generator))
        orientation_xyzw = quaternion_from_angles(yaw_rad, elevation_rad, roll_rad)

        def mask() -> Tensor:
            return torch.rand(samples, generator=generator) >= lost_share

        head_valid = mask()
        for start_s, end_s in head_lost_s:
            head_valid &= (timestamps_s < start_s) | (timestamps_s > end_s)
        streams: dict[str, Any] = {}
        if orientation:
            streams["head_orientation_xyzw"] = orientation_xyzw
        if gaze:
            horizontal_rad = 0.2 * torch.sin(_wander(samples, rate_hz, 2.0, generator))
            horizontal_deg = torch.rad2deg(horizontal_rad)
            fixating = torch.rand(samples, generator=generator) > 0.4
            streams |= {
                "gaze_direction": direction_from_angles(yaw_rad + horizontal_rad, elevation_rad),
                "gaze_valid": mask(),
                "gaze_offset_deg": torch.stack(
                    (horizontal_deg, torch.zeros_like(yaw_rad), horizontal_deg.abs()), dim=-1
                ),
                "is_fixating": fixating,
                "fixation_duration_s": 0.3 * fixating.double(),
            }
        if face:
            weights = torch.rand(samples, 3, generator=generator, dtype=torch.float64)
            streams |= {
                "face": weights,
                "face_names": ("Jaw_Drop", "Brow_Lowerer_L", "Brow_Lowerer_R"),
                "face_valid": mask(),
            }
        return Recording(
            user_id=user_id,
            video_id=video_id,
            source=f"{user_id}/{video_id}.csv",
            timestamps_s=timestamps_s,
            viewport_center=forward_direction(orientation_xyzw),
            head_valid=head_valid,
            answers=answers or {},
            **streams,
        )

    return make


@pytest.fixture
def make_cohort(make_recording) -> Callable[..., list[Recording]]:
    """Function that makes a recording of every user and video, all different."""

    def make(users: int = 8, videos: int = 8, **options: Any) -> list[Recording]:
        return [
            make_recording(f"u{user}", f"v{video}", seed=user * videos + video, **options)
            for user in range(users)
            for video in range(videos)
        ]

    return make


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """Function that makes a task: 5 Hz, history 1 s, horizons to 2 s; any argument replaceable."""

    def make(**arguments: Any) -> Task:
        defaults: dict[str, Any] = {
            "name": "tiny",
            "sampling_rate_hz": 5,
            "history_s": 1.0,
            "horizons_s": [0.2, 1.0, 2.0],
            "report_horizons_s": [0.2, 1.0, 2.0],
            "first_anchor_s": 2.0,
            "anchor_stride_s": 1.0,
            "train_stride_s": 0.4,
        }
        return Task(**(defaults | arguments))

    return make


@pytest.fixture
def gather_at() -> Callable[..., Samples]:
    """Function that resamples recordings and joins them."""

    def gather(recordings: list[Recording], rate_hz: float, features: tuple[str, ...] = ()):
        return gather_samples([resample(r, rate_hz) for r in recordings], rate_hz, features)

    return gather


@pytest.fixture
def make_split() -> Callable[..., Any]:
    """Function that composes ``conf/split/NAME.yaml`` as train.py does and makes the split."""

    def make(name: str, *overrides: str) -> Any:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", [f"split={name}", *overrides])
        return build(SPLITS, OmegaConf.to_container(config.split, resolve=True), "split")

    return make
