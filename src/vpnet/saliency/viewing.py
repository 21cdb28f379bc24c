"""Where everyone looked, video by video, on one clock: what maps are compared with."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.recordings.recording import Recording

_TOLERANCE_STEPS = 1e-6
"""Absorbs rounding where a sample is on a step of the clock."""


class VideoViewing(NamedTuple):
    """Where the viewers of one video looked at the playback times k / rate, k = 0, 1, ..."""

    user_ids: tuple[str, ...]
    """Who watched; the rows of the tensors."""
    directions: Tensor
    """Gaze, or viewport center where it is unknown or not wanted, ``(users, steps, 3)``."""
    valid: Tensor
    """Which of them were measured, ``(users, steps)``."""


def viewing_by_video(
    recordings: Iterable[Recording], rate_hz: float = 5.0, *, gaze: bool = True
) -> dict[str, VideoViewing]:
    """Sample recordings regularly; they are read once and not kept.

    Each step takes the nearest sample, at most a step away: to a density, a shift of a fraction of
    a step matters little.

    Args:
        recordings: Any recordings.
        rate_hz: Steps per second of playback.
        gaze: Take the gaze where it is known; False takes the head throughout.

    Raises:
        InputError: The rate is not positive.
    """
    if not 0 < rate_hz < math.inf:
        raise InputError(f"rate_hz must be a positive number, got {rate_hz}")
    sampled: dict[str, list[tuple[str, Tensor, Tensor]]] = {}
    for recording in recordings:
        directions, valid = _sample(recording, rate_hz, gaze)
        sampled.setdefault(recording.video_id, []).append((recording.user_id, directions, valid))
    return {
        video_id: VideoViewing(
            user_ids=tuple(user_id for user_id, _, _ in rows),
            directions=_pad([directions for _, directions, _ in rows]),
            valid=_pad([valid for _, _, valid in rows]),
        )
        for video_id, rows in sampled.items()
    }


def _sample(recording: Recording, rate_hz: float, gaze: bool) -> tuple[Tensor, Tensor]:
    directions, valid = recording.viewport_center, recording.head_valid
    if gaze and recording.gaze_direction is not None and recording.gaze_valid is not None:
        seen = recording.gaze_valid.unsqueeze(1)
        directions = torch.where(seen, recording.gaze_direction, directions)
        valid = valid | recording.gaze_valid
    samples_s, directions = recording.timestamps_s[valid], directions[valid]
    if len(samples_s) == 0:
        return torch.zeros(0, 3), torch.zeros(0, dtype=torch.bool)
    steps = max(0, math.floor(float(samples_s[-1]) * rate_hz + _TOLERANCE_STEPS) + 1)
    steps_s = torch.arange(steps, dtype=torch.float64) / rate_hz
    after = torch.searchsorted(samples_s, steps_s).clamp(max=len(samples_s) - 1)
    before = (after - 1).clamp(min=0)
    is_before_nearer = (steps_s - samples_s[before]).abs() < (samples_s[after] - steps_s).abs()
    nearest = torch.where(is_before_nearer, before, after)
    apart_steps = (samples_s[nearest] - steps_s).abs() * rate_hz
    return directions[nearest].float(), apart_steps <= 1 + _TOLERANCE_STEPS


def _pad(rows: list[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
