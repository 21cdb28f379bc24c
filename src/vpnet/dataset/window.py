"""A window: one history, and the future that a model predicts."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field
from torch import Tensor

from vpnet.errors import InputError
from vpnet.settings import NonNegative, checked

MOST_HISTORY_STEPS = 10_000
MOST_HORIZON_STEPS = 100_000
MOST_HORIZONS = 10_000
"""Windows are described in checkpoints, and no file may decide without limit what memory a model
takes."""

Rate = Annotated[float, Field(ge=0.01, le=1000)]
HorizonStep = Annotated[int, Field(ge=1, le=MOST_HORIZON_STEPS)]


class ViewportWindow(NamedTuple):
    """A batch of windows. Directions are unit vectors in the world frame.

    The last history step is the anchor: the moment at which the prediction is made. A stream that
    the data lack is all zero and False in its mask. The batch holds each saliency map, or the
    salient points of each map, that it reads once. Which of them a window reads depends on
    `WindowSpec.saliency_view`.
    """

    history_directions: Tensor
    """Viewport centres, shape ``(batch, history, 3)``."""
    history_valid: Tensor
    """Which of them were measured, shape ``(batch, history)``."""
    history_roll_rad: Tensor
    """Roll of the head; 0 where the source has none, shape ``(batch, history)``."""
    gaze_directions: Tensor
    """Gaze in the world, shape ``(batch, history, 3)``."""
    gaze_offset_deg: Tensor
    """Gaze in the head: horizontal, vertical, magnitude, shape ``(batch, history, 3)``."""
    is_fixating: Tensor
    """1 during a fixation, else 0, shape ``(batch, history)``."""
    fixation_duration_s: Tensor
    """Age of the current fixation, shape ``(batch, history)``."""
    gaze_valid: Tensor
    """Mask of the four gaze streams, shape ``(batch, history)``."""
    face: Tensor
    """Chosen face features, shape ``(batch, history, face_features)``."""
    face_valid: Tensor
    """Mask of the face, shape ``(batch, history)``."""
    saliency_maps: Tensor
    """Distinct maps, solid-angle normalised, shape ``(maps, height, width)``; maps may be 0."""
    saliency_points: Tensor
    """Salient points x, y, z, s of distinct maps, shape ``(maps, points, 4)``; maps may be 0."""
    saliency_index: Tensor
    """Row of ``saliency_maps`` or ``saliency_points`` displayed at each of the moments
    `WindowSpec.saliency_times_s`, -1 for none, shape ``(batch, moments)``."""
    crowd_directions: Tensor
    """Where training viewers of the same video looked at the history's steps and at the horizons,
    leave-one-viewer-out, shape ``(batch, viewers, history + horizon, 3)``; viewers may be 0."""
    crowd_valid: Tensor
    """Which of them were measured and may be known, shape ``(batch, viewers, history + horizon)``.
    """
    answers: Tensor
    """The viewer's answers to the questionnaire, in [0, 1], shape ``(batch, answers)``."""
    answers_valid: Tensor
    """Which of the questions were answered, shape ``(batch, answers)``."""
    user_index: Tensor
    """Row of the user in the model's embedding, 0 for an unknown user, shape ``(batch,)``."""
    future_directions: Tensor
    """What is to be predicted, shape ``(batch, horizon, 3)``; never shown to a model."""
    future_valid: Tensor
    """Which of them are known, shape ``(batch, horizon)``."""
    recording_index: Tensor
    """Which recording the window is cut from, shape ``(batch,)``."""
    anchor_step: Tensor
    """Playback time of the anchor, in steps of the task's clock, shape ``(batch,)``."""


Weighting = Literal["none", "solid_angle"]
SaliencyView = Literal["ahead", "maps", "points"]
"""A few future maps, the map of every step, or the salient points of the map of every step."""


@checked
@dataclass(frozen=True)
class WindowSpec:
    """The shape of the windows of one experiment: all that a model must know of its data.

    Args:
        sampling_rate_hz: Steps per second of the task's clock.
        history_steps: Length of the history, the anchor included.
        horizon_steps: The steps after the anchor that are predicted, increasing.
        users: Number of known users; their indices are 1 to ``users``.
        face_features: Number of face features.
        has_gaze: Whether any recording has gaze.
        has_face: Whether any recording has a face stream.
        has_saliency: Whether windows carry saliency maps.
        has_crowd: Whether windows carry where others looked.
        answers: Number of answers of a questionnaire.
        has_answers: Whether any viewer answered any question.
        saliency_view: How windows see saliency, as their model reads it.
        saliency_weighting: How salient points are chosen: by the map's values, or weighted by the
            solid angle of a pixel.
        saliency_lookahead_s: How far ahead of the anchor saliency and crowd may be known; None sets
            no limit (video on demand), 0 is live video.
        map_every_s: Seconds between the maps of the view ``ahead``, and from the anchor to the
            first.

    Raises:
        InputError: A value is out of range, or the horizons do not increase.
    """

    sampling_rate_hz: Rate
    history_steps: Annotated[int, Field(ge=2, le=MOST_HISTORY_STEPS)]
    horizon_steps: Sequence[HorizonStep]
    users: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    face_features: Annotated[int, Field(ge=0, le=1000)] = 0
    has_gaze: bool = False
    has_face: bool = False
    has_saliency: bool = False
    has_crowd: bool = False
    answers: Annotated[int, Field(ge=0, le=1000)] = 0
    has_answers: bool = False
    saliency_view: SaliencyView = "ahead"
    saliency_weighting: Weighting = "none"
    saliency_lookahead_s: NonNegative | None = None
    map_every_s: Annotated[float, Field(ge=0.1)] = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizon_steps", tuple(self.horizon_steps))
        steps = self.horizon_steps
        if not 1 <= len(steps) <= MOST_HORIZONS:
            raise InputError(
                f"horizon_steps must hold from 1 to {MOST_HORIZONS} steps, got {len(steps)}"
            )
        if any(b <= a for a, b in zip(steps, steps[1:], strict=False)):
            raise InputError(f"horizon_steps must increase, got {steps!r:.80}")

    @property
    def present(self) -> dict[str, bool]:
        """By stream, whether the data hold it."""
        return {
            "head": True,
            "eye": self.has_gaze,
            "offset": self.has_gaze,
            "face": self.has_face and self.face_features > 0,
            "saliency": self.has_saliency,
            "questionnaire": self.has_answers and self.answers > 0,
            "crowd": self.has_crowd,
        }

    @property
    def horizons_s(self) -> tuple[float, ...]:
        """The horizons in seconds."""
        return tuple(step / self.sampling_rate_hz for step in self.horizon_steps)

    @property
    def saliency_times_s(self) -> tuple[float, ...]:
        """Moments whose saliency a window reads, seconds after its anchor, increasing.

        In the view ``ahead``: multiples of ``map_every_s``, at most the last horizon and
        ``saliency_lookahead_s``. In the others: the history's steps and the horizons.
        """
        if self.saliency_view == "ahead":
            return tuple(sorted({self._map_ahead_s(horizon_s) for horizon_s in self.horizons_s}))
        steps = (*range(1 - self.history_steps, 1), *self.horizon_steps)
        return tuple(step / self.sampling_rate_hz for step in steps)

    @property
    def map_of_horizon(self) -> tuple[int, ...]:
        """Which of `saliency_times_s` is nearest to each horizon; the earlier of two as near."""
        times_s = self.saliency_times_s
        nearest = []
        for horizon_s in self.horizons_s:
            after = bisect_left(times_s, horizon_s)
            around = range(max(0, after - 1), min(after + 1, len(times_s)))
            nearest.append(min(around, key=lambda column: abs(times_s[column] - horizon_s)))
        return tuple(nearest)

    def _map_ahead_s(self, horizon_s: float) -> float:
        ahead_s = max(1, math.floor(horizon_s / self.map_every_s + 0.5)) * self.map_every_s
        limit_s = self.saliency_lookahead_s
        ahead_s = min(ahead_s, self.horizons_s[-1])
        return ahead_s if limit_s is None else min(ahead_s, limit_s)
