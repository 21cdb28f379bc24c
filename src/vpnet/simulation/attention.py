"""Where a simulated viewer wants to look: one thing after another, saccade by saccade."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from vpnet.geometry.directions import yaw_and_elevation
from vpnet.simulation.videos import SimulatedVideo
from vpnet.simulation.viewers import Viewer

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

    Yaw is unwrapped: it goes on beyond half a turn, as a neck on a swivel chair does.

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
    """Chooses what one viewer looks at during one video.

    Args:
        viewer: Who looks.
        video: At what.
        times_s: Playback times of the rows, negative before playback, shape ``(rows,)``.
        rng: Random numbers of this recording.
    """

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
