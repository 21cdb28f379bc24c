"""Measurements of the sensors as features per history step.

The streams of fusion (`head_stream`, `eye_stream`, `offset_stream`, `face_stream`) have yaw
relative to the viewport centre at the anchor, wrapped, so a network cannot tell where around the
viewer it looks; elevation stays absolute, since heads return to the horizon. star_vp and its
variants, lstm and track read unit vectors in the world's axes (`HeadVectors`, `eye_features`).
"""

import torch
from torch import Tensor

from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import wrap_angle, yaw_and_elevation

STREAM_FEATURES = {"head": 6, "eye": 5, "offset": 3}
"""Features of each stream; those of the face depend on the data."""

EYE_FEATURES = 8
"""Numbers a step of `eye_features`."""

MAX_FIXATION_S = 1.0
OFFSET_SCALE_DEG = 30.0


def head_stream(window: ViewportWindow, sampling_rate_hz: float) -> tuple[Tensor, Tensor]:
    """Yaw, elevation, roll (rad) and their velocities (rad/s), 0 after a lost step.

    Returns:
        Features ``(batch, history, 6)`` and mask ``(batch, history)``.
    """
    yaw_rad, elevation_rad = yaw_and_elevation(window.history_directions)
    yaw_rad = wrap_angle(yaw_rad - yaw_rad[:, -1:])
    angles_rad = torch.stack((yaw_rad, elevation_rad, window.history_roll_rad), dim=-1)
    velocity_rad_s = wrap_angle(angles_rad.diff(dim=1, prepend=angles_rad[:, :1]))
    velocity_rad_s = velocity_rad_s * sampling_rate_hz
    valid = window.history_valid
    pair_valid = valid & torch.cat((valid[:, :1], valid[:, :-1]), dim=1)
    features = (_masked(angles_rad, valid), _masked(velocity_rad_s, pair_valid))
    return torch.cat(features, dim=-1), valid


def eye_stream(window: ViewportWindow) -> tuple[Tensor, Tensor]:
    """Gaze yaw and elevation (rad), fixating, age of the fixation (s, capped), both eyes valid.

    Returns:
        Features ``(batch, history, 5)`` and mask ``(batch, history)``.
    """
    center_yaw_rad, _ = yaw_and_elevation(window.history_directions[:, -1:])
    yaw_rad, elevation_rad = yaw_and_elevation(window.gaze_directions)
    features = torch.stack(
        (
            wrap_angle(yaw_rad - center_yaw_rad),
            elevation_rad,
            window.is_fixating,
            window.fixation_duration_s.clamp(max=MAX_FIXATION_S),
            window.gaze_valid.to(yaw_rad.dtype),
        ),
        dim=-1,
    )
    return _masked(features, window.gaze_valid), window.gaze_valid


def offset_stream(window: ViewportWindow) -> tuple[Tensor, Tensor]:
    """Eye-in-head offset: horizontal, vertical, magnitude, in units of 30 degrees.

    Returns:
        Features ``(batch, history, 3)`` and mask ``(batch, history)``.
    """
    features = window.gaze_offset_deg / OFFSET_SCALE_DEG
    return _masked(features, window.gaze_valid), window.gaze_valid


def face_stream(window: ViewportWindow) -> tuple[Tensor, Tensor]:
    """The chosen face weights, in [0, 1].

    Returns:
        Features ``(batch, history, face_features)`` and mask ``(batch, history)``.
    """
    return _masked(window.face, window.face_valid), window.face_valid


class HeadVectors:
    """The head for models that read directions as vectors: where it points, and how that changes.

    A recurrent network that reads directions alone must learn to subtract neighbouring ones, which
    takes it most of its training.

    Args:
        sampling_rate_hz: Clock of the windows.
        with_velocity: Add the change per second; that of the first step is 0.
    """

    def __init__(self, sampling_rate_hz: float, with_velocity: bool) -> None:
        self.sampling_rate_hz = sampling_rate_hz
        self.with_velocity = with_velocity
        self.features = 6 if with_velocity else 3

    def __call__(self, window: ViewportWindow) -> Tensor:
        """Unit vectors, followed by velocities, ``(batch, history, features)``."""
        directions = window.history_directions
        if not self.with_velocity:
            return directions
        velocity = directions.diff(dim=1, prepend=directions[:, :1]) * self.sampling_rate_hz
        return torch.cat((directions, velocity), dim=2)


def eye_features(window: ViewportWindow) -> Tensor:
    """Eight numbers a step for models that read directions as vectors; 0 where gaze was lost.

    Gaze in the world (3), eye-in-head offset horizontal, vertical, magnitude in units of 30 degrees
    (3), fixating (1), age of the fixation in s, at most 1 (1).

    Returns:
        Shape ``(batch, history, 8)``.
    """
    offset, _ = offset_stream(window)
    duration_s = window.fixation_duration_s.clamp(max=MAX_FIXATION_S)
    fixation = torch.stack((window.is_fixating, duration_s), dim=-1)
    features = torch.cat((window.gaze_directions, offset, fixation), dim=-1)
    return _masked(features, window.gaze_valid)


def held_gaze(window: ViewportWindow, horizons: int) -> Tensor:
    """Gaze at the history's steps, and the last known one at every horizon; 0 where unknown.

    Returns:
        Directions, ``(batch, history + horizons, 3)``.
    """
    gaze = _masked(window.gaze_directions, window.gaze_valid)
    steps = torch.arange(gaze.shape[1], device=gaze.device)
    last = torch.where(window.gaze_valid, steps, 0).amax(dim=1)
    held = gaze[torch.arange(len(gaze), device=gaze.device), last]
    return torch.cat((gaze, held.unsqueeze(1).expand(-1, horizons, -1)), dim=1)


def mean_face(window: ViewportWindow, steps: int) -> Tensor:
    """Mean of the face over those of the last steps that were measured; 0 where none was.

    Returns:
        Shape ``(batch, face_features)``.
    """
    features, valid = face_stream(window)
    count = valid[:, -steps:].sum(dim=1, keepdim=True).clamp(min=1)
    return features[:, -steps:].sum(dim=1) / count


def _masked(features: Tensor, valid: Tensor) -> Tensor:
    # Not a product: what a masked sample holds may be anything, NaN included.
    return torch.where(valid.unsqueeze(-1), features, features.new_zeros(()))
