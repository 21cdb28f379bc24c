"""A simulated viewing as the four tables that a Quest Pro would write if it made no mistakes.

Layout v2 of docs/CONVENTIONS.md. Gaze and face are held over several rows, as the headset does;
what real files get wrong is added by `vpnet.simulation.defects`.
"""

import math

import numpy as np
import polars as pl
import torch
from scipy.signal import lfilter
from torch import Tensor

from vpnet.geometry.rotations import conjugate, rotate
from vpnet.geometry.tangent import from_tangent
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.behaviour import EYE_RANGE_RAD, Behaviour, simulate_behaviour
from vpnet.simulation.headset_tables import (
    CONFIDENCE_COLUMNS,
    FRAME_RATE_HZ,
    PUPIL_COLUMNS,
    ROW_RATE_HZ,
    VALUE_DECIMALS,
    QuestProTables,
    derive_tables,
    rounded_columns,
)
from vpnet.simulation.viewers_and_videos import SimulatedVideo, Viewer, random_stream

ROWS_PER_GAZE = 2
"""Gaze is measured at 36 Hz and held between."""

ROWS_PER_FACE = 6
"""The face is measured at 12 Hz and held between."""

LEAD_IN_S = 1.0
"""How long the viewer waits before the video plays; the tables begin with the video."""

TRACKED_CONFIDENCE = 0.998
EYE_HEIGHT_M = 1.2

PUPIL_RANGE_MM = (2.5, 5.0)


def simulate_tables(viewer: Viewer, video: SimulatedVideo, seed: int) -> QuestProTables:
    """What the headset writes while one simulated viewer watches one simulated video."""
    rng = random_stream(seed, "headset", viewer.user_id, video.video_id)
    rows = math.floor((LEAD_IN_S + video.duration_s) * ROW_RATE_HZ)
    times_s = torch.arange(rows, dtype=torch.float64) / ROW_RATE_HZ - LEAD_IN_S
    behaviour = simulate_behaviour(viewer, video, times_s, seed)
    clock = _clock_columns(times_s.numpy(), rng)
    position_m = _head_position(behaviour, rng)
    head = _vector_columns("UnitQuaternion", behaviour.head_orientation_xyzw)
    head |= _vector_columns("HmdPosition", position_m)

    every_face = np.arange(0, rows, ROWS_PER_FACE)
    held = np.arange(rows) // ROWS_PER_FACE
    weights = face_weights(viewer, video, behaviour, every_face, seed)[held]
    face = {"FaceIsValid": np.ones(rows, dtype=np.int64)}
    face |= dict(zip(FACE_WEIGHTS, np.round(weights, VALUE_DECIMALS).T, strict=True))

    eye = _eye_columns(viewer, behaviour, rng) | _vector_columns("GazeOrigin", position_m)
    eye |= _pupil_columns(rows, random_stream(seed, "pupil", viewer.user_id, video.video_id))
    playing = times_s.numpy() > -0.5 / ROW_RATE_HZ
    return derive_tables(
        *(
            pl.DataFrame(rounded_columns(clock | columns)).filter(playing)
            for columns in (head, eye, face)
        )
    )


def _clock_columns(times_s: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The headset's clock runs from when it was switched on, the video's from its first frame."""
    switched_on_s = rng.uniform(20.0, 600.0)
    # A logger is called a little early or late; the clock still increases strictly.
    late_s = np.clip(rng.normal(0.0, 0.0003, size=len(times_s)), -0.001, 0.001)
    playing = times_s > -0.5 / ROW_RATE_HZ
    late_s[np.argmax(playing)] = 0.0
    logged_s = times_s + late_s
    return {
        "Timestamp": switched_on_s + LEAD_IN_S + logged_s,
        "PlaybackTime": np.where(playing, logged_s, 0.0),
        "VideoFrame": np.where(playing, np.floor(logged_s * FRAME_RATE_HZ + 1e-9), -1).astype(int),
    }


def _head_position(behaviour: Behaviour, rng: np.random.Generator) -> Tensor:
    """The headset's place in metres: a seated viewer whose head turns about the neck."""
    rows = len(behaviour.times_s)
    neck_to_eyes = torch.tensor((0.0, 0.10, 0.08), dtype=torch.float64)
    seat = torch.from_numpy(rng.normal((0.0, EYE_HEIGHT_M - 0.1, 0.0), 0.03))
    tremor = torch.from_numpy(rng.normal(0.0, 0.0002, size=(rows, 3)))
    return seat + rotate(behaviour.head_orientation_xyzw, neck_to_eyes) + tremor


def _eye_columns(
    viewer: Viewer, behaviour: Behaviour, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Gaze held over rows (and over blinks), and whether it was measured."""
    rows = len(behaviour.times_s)
    measured_rows = np.arange(0, rows, ROWS_PER_GAZE)
    is_open = ~behaviour.eyes_closed.numpy()[measured_rows]
    noise_rad = rng.normal(0.0, viewer.fixation_noise_rad, size=(len(measured_rows), 2))
    measured = from_tangent(behaviour.gaze_direction[measured_rows], torch.from_numpy(noise_rad))
    last_open = np.maximum.accumulate(np.where(is_open, np.arange(len(is_open)), 0))
    held = np.arange(rows) // ROWS_PER_GAZE
    is_tracked = is_open[held].astype(int)
    return (
        _vector_columns("GazeDir", measured[torch.from_numpy(last_open[held])])
        | dict.fromkeys(CONFIDENCE_COLUMNS, is_tracked * TRACKED_CONFIDENCE)
        | {"BothEyesValid": is_tracked}
    )


def _pupil_columns(rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Diameters in mm that wander slowly, both eyes nearly alike, measured as often as the gaze."""
    measurements = -(-rows // ROWS_PER_GAZE)
    pole = math.exp(-ROWS_PER_GAZE / ROW_RATE_HZ / 3.0)
    drive = rng.normal(0.0, 0.3 * math.sqrt(1 - pole**2), size=measurements)
    diameter_mm = rng.uniform(3.2, 4.2) + np.asarray(lfilter([1], [1, -pole], drive))
    held = np.arange(rows) // ROWS_PER_GAZE
    return {
        name: np.clip(diameter_mm + rng.normal(0.0, 0.02, size=measurements), *PUPIL_RANGE_MM)[held]
        for name in PUPIL_COLUMNS
    }


def _vector_columns(name: str, vectors: Tensor) -> dict[str, np.ndarray]:
    """Columns ``name.x``, ``name.y``, ... of vectors of shape ``(rows, components)``."""
    columns = vectors.numpy().T
    return {f"{name}.{axis}": column for axis, column in zip("xyzw", columns, strict=False)}


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
