"""What a simulated viewer's head and eyes do: eyes first, head after, gaze steady meanwhile.

The eyes jump at once (a minimum-jerk saccade of main-sequence duration). The head sets out after
the viewer's latency, leaves small shifts to the eyes, and moves as a critically damped second-order
system that also sways a little. Gaze is held in the world while the head turns, as the
vestibulo-ocular reflex does, as far as the eyes can turn in the head.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    interpolate_directions,
)
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles
from vpnet.simulation.attention import AttentionPlan
from vpnet.simulation.random_stream import random_stream
from vpnet.simulation.videos import SimulatedVideo
from vpnet.simulation.viewers import Viewer

Angle = TypeVar("Angle", float, np.ndarray)

EYE_RANGE_RAD = math.radians(42.0)
"""How far the eyes turn in the head; beyond it gaze waits for the head."""

EYES_ALONE_RAD = math.radians(12.0)
"""A gaze shift of this size is half made by the head; smaller ones less, larger ones more."""

ELEVATION_SHARE = 0.7
"""Share of the wanted elevation that the head aims for."""

SACCADE_S = 0.021
SACCADE_S_PER_RAD = 0.0022 * 180 / math.pi
"""Main sequence: a saccade lasts 21 ms and 2.2 ms for each degree."""


@dataclass(frozen=True)
class Behaviour:
    """What head and eyes truly did, before any headset measured it.

    Args:
        times_s: Playback time, negative before playback, shape ``(rows,)``.
        head_orientation_xyzw: Unit quaternions, shape ``(rows, 4)``.
        head_angles_rad: Yaw (unwrapped), elevation, roll, shape ``(rows, 3)``.
        gaze_direction: Where the eyes point in the world, unit vectors, shape ``(rows, 3)``.
        eyes_closed: Blinks, booleans, shape ``(rows,)``.
        attended: Index of the attractor looked at, -1 for none, shape ``(rows,)``.
    """

    times_s: Tensor
    head_orientation_xyzw: Tensor
    head_angles_rad: Tensor
    gaze_direction: Tensor
    eyes_closed: Tensor
    attended: Tensor


def simulate_behaviour(
    viewer: Viewer, video: SimulatedVideo, times_s: Tensor, seed: int
) -> Behaviour:
    """One viewer watching one video.

    Args:
        viewer: Who watches.
        video: What is watched.
        times_s: Playback times at a steady rate, negative before playback, float64,
            shape ``(rows,)``.
        seed: Seed of the simulated study; the random numbers depend on it, the viewer and the
            video.
    """
    rng = random_stream(seed, "behaviour", viewer.user_id, video.video_id)
    times = times_s.numpy()
    attention = AttentionPlan(viewer, video, times, rng).draw()
    row_s = float(np.median(np.diff(times)))
    head_yaw = follow_with_head(attention.yaw_rad, attention.saccade_rows, viewer, times)
    head_elevation = follow_with_head(
        ELEVATION_SHARE * attention.elevation_rad, attention.saccade_rows, viewer, times
    )
    head_yaw += _sway(len(times), 0.05, 2.0, row_s, rng)
    head_elevation += _sway(len(times), 0.03, 2.0, row_s, rng)
    # The head leans a little into its turns.
    head_roll = -0.03 * np.gradient(head_yaw, row_s) + _sway(len(times), 0.02, 0.3, row_s, rng)
    head_angles = torch.from_numpy(np.stack((head_yaw, head_elevation, head_roll), axis=1))
    orientation = quaternion_from_angles(*head_angles.unbind(dim=1))
    wanted = direction_from_angles(
        torch.from_numpy(_with_saccades(attention.yaw_rad, attention.saccade_rows, times)),
        torch.from_numpy(_with_saccades(attention.elevation_rad, attention.saccade_rows, times)),
    )
    return Behaviour(
        times_s=times_s,
        head_orientation_xyzw=orientation,
        head_angles_rad=head_angles,
        gaze_direction=_within_eye_range(forward_direction(orientation), wanted),
        eyes_closed=torch.from_numpy(_blinks(viewer, times, rng)),
        attended=torch.from_numpy(attention.attended),
    )


def follow_with_head(
    wanted: np.ndarray, saccade_rows: np.ndarray, viewer: Viewer, times: np.ndarray
) -> np.ndarray:
    """Yaw or elevation of the head that follows a wanted gaze angle.

    Args:
        wanted: Angle in radians, shape ``(rows,)``.
        saccade_rows: Rows at which it jumps, increasing, the first is 0.
        viewer: Whose head: its latency, gain and natural frequency.
        times: Playback times at a steady rate, in seconds, shape ``(rows,)``.

    Returns:
        Angle of the head in radians, shape ``(rows,)``.
    """
    rows_each = np.diff(np.append(saccade_rows, len(wanted)))
    last_rows = saccade_rows + rows_each - 1
    goals_before = [float(wanted[0])]
    for last in wanted[last_rows[:-1]].tolist():
        goal = goals_before[-1]
        goals_before.append(goal + viewer.head_gain * _left_to_head(last - goal))
    before = np.repeat(goals_before, rows_each)
    goals = before + viewer.head_gain * _left_to_head(wanted - before)
    delayed = np.interp(times - viewer.eye_head_latency_s, times, goals)
    row_s = float(np.median(np.diff(times)))
    # Two equal one-pole filters in a row are a critically damped system of second order.
    once = _low_pass(delayed, viewer.head_frequency_rad_s, row_s)
    return _low_pass(once, viewer.head_frequency_rad_s, row_s)


def _left_to_head(shift: Angle) -> Angle:
    """The part of a gaze shift that the eyes leave to the head: little of a small one."""
    return shift * shift**4 / (shift**4 + EYES_ALONE_RAD**4)


def _low_pass(signal: np.ndarray, frequency_rad_s: float, row_s: float) -> np.ndarray:
    """One-pole low-pass filter, at rest at the first sample."""
    pole = math.exp(-frequency_rad_s * row_s)
    return signal[0] + lfilter([1 - pole], [1, -pole], signal - signal[0])


def _sway(
    rows: int, deviation_rad: float, frequency_rad_s: float, row_s: float, rng: np.random.Generator
) -> np.ndarray:
    """Slow random movement of the given standard deviation."""
    pole = math.exp(-frequency_rad_s * row_s)
    drive = rng.normal(0.0, 1.0, size=rows) * deviation_rad * math.sqrt(1 - pole**2)
    once = np.asarray(lfilter([1], [1, -pole], drive))
    # A head has mass: its speed changes smoothly too.
    return _low_pass(_low_pass(once, 12.0, row_s), 12.0, row_s)


def _with_saccades(wanted: np.ndarray, saccade_rows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The wanted angle with every jump turned into a minimum-jerk movement."""
    starts = saccade_rows[1:]
    origin = np.concatenate(([wanted[0]], wanted[starts - 1]))
    size = np.abs(wanted[saccade_rows] - origin)
    rows_each = np.diff(np.append(saccade_rows, len(wanted)))
    since_s = times - np.repeat(times[saccade_rows], rows_each)
    duration_s = np.repeat(
        SACCADE_S + SACCADE_S_PER_RAD * np.minimum(size, EYE_RANGE_RAD), rows_each
    )
    done = np.minimum(since_s / duration_s, 1.0)
    share = done**3 * (10 - 15 * done + 6 * done**2)
    start = np.repeat(origin, rows_each)
    return start + share * (wanted - start)


def _within_eye_range(head: Tensor, wanted: Tensor) -> Tensor:
    """The wanted gaze, or the nearest that the eyes reach from where the head points."""
    angle_rad = great_circle_distance(head, wanted)
    reached = (EYE_RANGE_RAD / angle_rad.clamp(min=1e-6)).clamp(max=1.0)
    return interpolate_directions(head, wanted, reached)


def _blinks(viewer: Viewer, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows at which the eyes are closed: blinks of 0.1 to 0.25 s, at least half a second apart."""
    closed = np.zeros(len(times), dtype=bool)
    mean_pause_s = 60.0 / viewer.blink_rate_per_min - 0.675
    start_s = times[0] + rng.exponential(mean_pause_s)
    while start_s < times[-1]:
        end_s = start_s + rng.uniform(0.1, 0.25)
        closed |= (times >= start_s) & (times < end_s)
        start_s = end_s + 0.5 + rng.exponential(mean_pause_s)
    return closed
