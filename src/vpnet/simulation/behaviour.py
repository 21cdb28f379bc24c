"""What a simulated viewer's head and eyes do: eyes first, head after, gaze steady meanwhile."""

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
    yaw_and_elevation,
)
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles
from vpnet.simulation.viewers_and_videos import SimulatedVideo, Viewer, random_stream

REACTION_S = 0.25
"""Time from an event to the saccade that it draws."""

EXPLORING = -1
"""In `Attention.attended`: no attractor, the viewer scans the scene."""

_NEARBY_RAD = math.radians(55.0)
_FAR_SHARE = 0.05
_RETURN_SHARE = 0.4


@dataclass(frozen=True)
class Attention:
    """Wanted gaze at every row, before eyes and head do anything about it.

    Yaw is unwrapped: it continues beyond half a turn, as a neck on a swivel chair does.

    Args:
        yaw_rad: Shape ``(rows,)``.
        elevation_rad: Shape ``(rows,)``.
        saccade_rows: Rows at which the wanted gaze jumps, increasing, the first is 0.
        attended: Index of the attractor looked at, `EXPLORING` for none, shape ``(rows,)``.
    """

    yaw_rad: np.ndarray
    elevation_rad: np.ndarray
    saccade_rows: np.ndarray
    attended: np.ndarray


class AttentionPlan:
    """Chooses what one viewer looks at during one video, at playback times of shape ``(rows,)``."""

    def __init__(
        self,
        viewer: Viewer,
        video: SimulatedVideo,
        times_s: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        self._viewer, self._video, self._times_s, self._rng = viewer, video, times_s, rng
        times = torch.from_numpy(times_s)
        yaw, elevation = yaw_and_elevation(video.attractor_directions(times))
        self._yaw_rad = np.unwrap(yaw.numpy(), axis=0)
        self._elevation_rad = elevation.numpy()
        self._strengths = video.attractor_strengths(times).numpy()
        liked = [each.category == viewer.preferred_category for each in video.attractors]
        self._liking = 1 + viewer.preference * np.array(liked, dtype=float)
        self._row_s = float(np.median(np.diff(times_s)))

    def draw(self) -> Attention:
        """Look from the first row to the last."""
        rows = len(self._times_s)
        yaw, elevation = np.empty(rows), np.empty(rows)
        attended = np.full(rows, EXPLORING)
        saccades = [np.zeros(1, dtype=int)]
        # Before playback there is nothing to see: the viewer waits, facing forward.
        start = int(np.searchsorted(self._times_s, 0.0)) + self._rows_of(REACTION_S)
        yaw[:start] = self._rng.normal(0.0, 0.12)
        elevation[:start] = self._rng.normal(-0.05, 0.05)
        turning, drawn_to = self._rng.choice((-1.0, 1.0)), None
        while start < rows:
            here_yaw = yaw[start - 1]
            dwell_s = 0.4 + self._rng.gamma(2.0, self._viewer.dwell_s / 2)
            end = min(rows, start + self._rows_of(dwell_s))
            target = self._choose(start, here_yaw, attended[start - 1], drawn_to)
            end, drawn_to = self._interrupted(start, end, target)
            saccade_rows, jump = self._draw_saccades(start, end)
            if target == EXPLORING:
                turning = self._turn(here_yaw, turning)
                yaw[start:end], elevation[start:end] = self._scan(here_yaw, turning, jump)
            else:
                yaw[start:end], elevation[start:end] = self._follow(
                    start, end, target, here_yaw, jump
                )
            attended[start:end] = target
            saccades.append(saccade_rows)
            start = end
        return Attention(yaw, elevation, np.concatenate(saccades), attended)

    def _rows_of(self, duration_s: float) -> int:
        return max(1, round(duration_s / self._row_s))

    def _choose(self, row: int, yaw_rad: float, previous: int, drawn_to: int | None) -> int:
        """Attractor by strength, liking and nearness; `EXPLORING` for none."""
        if drawn_to is not None:
            return drawn_to
        if self._rng.random() < self._viewer.exploration:
            return EXPLORING
        away_rad = np.remainder(self._yaw_rad[row] - yaw_rad + math.pi, 2 * math.pi) - math.pi
        near = _FAR_SHARE + (1 - _FAR_SHARE) * np.exp(-((away_rad / _NEARBY_RAD) ** 2))
        weights = self._strengths[row] * self._liking * near
        if previous != EXPLORING:
            weights[previous] *= _RETURN_SHARE
        return int(self._rng.choice(len(weights), p=weights / weights.sum()))

    def _interrupted(self, start: int, end: int, target: int) -> tuple[int, int | None]:
        """The row at which looking ends, and the attractor whose event ended it."""
        if target != EXPLORING:
            gone = np.flatnonzero(self._strengths[start:end, target] <= 0)
            if len(gone):
                end = start + max(1, int(gone[0]))
        for event in self._video.events:
            row = int(np.searchsorted(self._times_s, event.time_s + REACTION_S))
            elsewhere = event.attractor_index != target
            if start < row < end and elsewhere and self._rng.random() < self._viewer.capture:
                return row, event.attractor_index
        return end, None

    def _draw_saccades(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the saccades in ``[start, end)``, and for each row which of them came last."""
        intervals_s = self._rng.gamma(4.0, self._viewer.saccade_interval_s / 4, size=end - start)
        offsets = np.cumsum(np.maximum(1, np.rint(intervals_s / self._row_s).astype(int)))
        offsets = np.concatenate(([0], offsets[offsets < end - start]))
        last = np.repeat(np.arange(len(offsets)), np.diff(np.append(offsets, end - start)))
        return start + offsets, last

    def _follow(
        self, start: int, end: int, target: int, here_yaw: float, last_saccade: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Smooth pursuit of an attractor, each saccade landing on another part of it."""
        scatter = self._rng.normal(
            0.0, self._viewer.saccade_scatter_rad, size=(last_saccade[-1] + 1, 2)
        )
        turns = np.round((here_yaw - self._yaw_rad[start, target]) / (2 * math.pi))
        yaw = self._yaw_rad[start:end, target] + 2 * math.pi * turns
        elevation = self._elevation_rad[start:end, target]
        return yaw + scatter[last_saccade, 0], elevation + 0.7 * scatter[last_saccade, 1]

    def _turn(self, here_yaw: float, turning: float) -> float:
        """The side to scan next: mostly on, but the further round, the sooner back."""
        outward = math.copysign(1.0, here_yaw) == turning
        back = 0.2 + 0.4 * abs(here_yaw) if outward else 0.15
        return -turning if self._rng.random() < back else turning

    def _scan(
        self, here_yaw: float, turning: float, last_saccade: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A staircase of fixations in one turning direction, at the viewer's scan rate."""
        steps = last_saccade[-1] + 1
        mean_step = self._viewer.scan_rate_rad_s * self._viewer.saccade_interval_s
        stairs = np.cumsum(self._rng.gamma(3.0, mean_step / 3, size=steps))
        height = self._rng.normal(0.0, 0.3) + self._rng.normal(0.0, 0.06, size=steps)
        return here_yaw + turning * stairs[last_saccade], height[last_saccade]


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

    The playback times, float64 of shape ``(rows,)``, have a steady rate and are negative before
    playback. The random numbers depend on seed, viewer and video.
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
