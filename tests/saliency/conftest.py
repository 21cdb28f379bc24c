"""Recordings made sample by sample, and recordings of a video that hung askew."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from vpnet.recordings.frame import Frame, align_to_video
from vpnet.recordings.recording import Recording


@pytest.fixture(scope="session")
def looking(directions_at) -> Callable[..., Recording]:
    """Function that makes a recording of a head, at given yaws, 5 times a second by default."""

    def make(
        yaw_deg: Sequence[float],
        elevation_deg: Sequence[float] | float = 0.0,
        *,
        user_id: str = "ada",
        video_id: str = "v",
        times_s: Sequence[float] | None = None,
        valid: Sequence[bool] | None = None,
    ) -> Recording:
        samples = len(yaw_deg)
        times_s = [step / 5 for step in range(samples)] if times_s is None else times_s
        return Recording(
            user_id=user_id,
            video_id=video_id,
            source="made for a test",
            timestamps_s=torch.tensor(times_s, dtype=torch.float64),
            viewport_center=directions_at(yaw_deg, elevation_deg),
            head_valid=torch.tensor([True] * samples if valid is None else valid),
        )

    return make


@pytest.fixture(scope="session")
def as_recorded() -> Callable[..., Recording]:
    """Function that gives what a headset records where a reader has to turn and mirror."""

    def turn_back(recording: Recording, offset_deg: float, mirror: bool) -> Recording:
        def undo(directions: Tensor) -> Tensor:
            # Backwards: a reader mirrors first and turns then.
            return align_to_video(
                align_to_video(directions, Frame(-offset_deg)), Frame(mirror=mirror)
            )

        gaze = recording.gaze_direction
        return dataclasses.replace(
            recording,
            viewport_center=undo(recording.viewport_center),
            head_orientation_xyzw=None,
            gaze_direction=None if gaze is None else undo(gaze),
        )

    return turn_back
