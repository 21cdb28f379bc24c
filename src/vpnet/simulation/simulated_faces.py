"""The face of a simulated viewer: restlessness, reactions to events, eyes and lids."""

import math

import numpy as np
import torch
from scipy.signal import lfilter

from vpnet.geometry.rotations import conjugate, rotate
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.behaviour import EYE_RANGE_RAD, Behaviour
from vpnet.simulation.random_stream import random_stream
from vpnet.simulation.videos import SimulatedVideo
from vpnet.simulation.viewers import Viewer

REACTION_S = 0.35
"""Time from an event to the first movement of the face."""

REACTION_DECAY_S = 1.2
"""How long a reaction takes to fall to a third."""

MOVED_BY_EVENT = {
    "surprise": {
        "Inner_Brow_Raiser": 0.7,
        "Outer_Brow_Raiser": 0.8,
        "Jaw_Drop": 0.7,
        "Upper_Lid_Raiser": 0.6,
    },
    "amusement": {"Lip_Corner_Puller": 0.9, "Cheek_Raiser": 0.7, "Dimpler": 0.3},
    "threat": {
        "Brow_Lowerer": 0.8,
        "Nose_Wrinkler": 0.4,
        "Lid_Tightener": 0.5,
        "Lip_Stretcher": 0.4,
    },
}
"""Weights (both sides) that an event of each kind moves, and how far."""


def face_weights(
    viewer: Viewer, video: SimulatedVideo, behaviour: Behaviour, rows: np.ndarray, seed: int
) -> np.ndarray:
    """Blendshape weights at the rows at which the headset measures the face.

    Args:
        viewer: Whose face.
        video: What they watch.
        behaviour: What their eyes do.
        rows: Rows of the behaviour, at a steady rate, shape ``(measurements,)``.
        seed: Seed of the simulated study.

    Returns:
        Weights in [0, 1] in the order of `FACE_WEIGHTS`, shape ``(measurements, 63)``.
    """
    rng = random_stream(seed, "face", viewer.user_id, video.video_id)
    times_s = behaviour.times_s.numpy()[rows]
    weights = _restlessness(viewer, times_s, rng)
    for event in video.events:
        age_s = np.maximum(times_s - event.time_s - REACTION_S, 0.0)
        rise_and_fall = (1 - np.exp(-age_s / 0.15)) * np.exp(-age_s / REACTION_DECAY_S)
        for name, reach in MOVED_BY_EVENT[event.kind].items():
            for column in _columns_of(name):
                size = viewer.expressiveness * event.intensity * reach * rng.uniform(0.85, 1.0)
                weights[:, column] += size * rise_and_fall
    _move_eyes(weights, behaviour, rows)
    return np.clip(weights, 0.0, 1.0)


def _columns_of(name: str) -> list[int]:
    """Columns of a weight: one, or its left and right halves."""
    return [
        index
        for index, weight in enumerate(FACE_WEIGHTS)
        if weight in (name, f"{name}_L", f"{name}_R")
    ]


def _restlessness(viewer: Viewer, times_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A resting level for each weight, and slow wandering around it."""
    weights = len(FACE_WEIGHTS)
    step_s = float(np.median(np.diff(times_s)))
    pole = math.exp(-step_s / 1.5)
    deviation = 0.02 * (0.5 + viewer.expressiveness) * math.sqrt(1 - pole**2)
    drive = rng.normal(0.0, deviation, size=(len(times_s), weights))
    resting = rng.gamma(1.0, 0.03, size=weights)
    return resting + lfilter([1], [1, -pole], drive, axis=0)


def _move_eyes(weights: np.ndarray, behaviour: Behaviour, rows: np.ndarray) -> None:
    """Set the weights of eyes and lids from where the eyes are in the head."""
    index = torch.from_numpy(rows)
    in_head = rotate(
        conjugate(behaviour.head_orientation_xyzw[index]), behaviour.gaze_direction[index]
    )
    x, y, z = in_head.unbind(dim=1)
    right = (torch.atan2(x, z) / EYE_RANGE_RAD).numpy()
    up = (torch.asin(y.clamp(-1, 1)) / EYE_RANGE_RAD).numpy()
    looks = {
        "Eyes_Look_Right": right,
        "Eyes_Look_Left": -right,
        "Eyes_Look_Up": up,
        "Eyes_Look_Down": -up,
        "Eyes_Closed": np.where(behaviour.eyes_closed.numpy()[rows], 0.97, 0.0),
    }
    for name, values in looks.items():
        for column in _columns_of(name):
            weights[:, column] = np.maximum(values, 0.0)
