"""A task: the clock, how much is known, and what is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vpnet.errors import InputError
from vpnet.settings import NonNegative, Positive, checked

HorizonS = Annotated[float, Field(gt=0, le=3600)]


@checked
@dataclass(frozen=True)
class Task:
    """How windows are cut and what is reported.

    Args:
        name: For tables.
        sampling_rate_hz: Steps per second.
        history_s: Length of the history; the anchor is its last step.
        horizons_s: What a model predicts, increasing.
        report_horizons_s: What tables show; between two predicted horizons the path is
            interpolated on the great circle.
        first_anchor_s: Playback time of the earliest anchor.
        anchor_stride_s: Distance of the anchors in validation and test.
        train_stride_s: Distance of the anchors in training.
        horizon_weights: Weight of each predicted horizon in the loss; None weights all alike.
        smoothness_weight: Weight of the distance between predictions at neighbouring anchors.
        max_head_gap_s: Longest stretch without a valid head sample that resampling bridges.
        max_gaze_gap_s: Likewise for the gaze.
        max_face_gap_s: Likewise for the face.

    Raises:
        InputError: A time is not a whole number of steps, the history is shorter than two, or a
            list has the wrong length, order or sign.
    """

    name: str
    sampling_rate_hz: Annotated[float, Field(gt=0, le=1000)]
    history_s: Annotated[float, Field(gt=0, le=3600)]
    horizons_s: Sequence[HorizonS]
    report_horizons_s: Sequence[HorizonS]
    first_anchor_s: NonNegative
    anchor_stride_s: Positive
    train_stride_s: Positive
    horizon_weights: Sequence[NonNegative] | None = None
    smoothness_weight: NonNegative = 0.0
    max_head_gap_s: NonNegative = 0.5
    max_gaze_gap_s: NonNegative = 0.1
    max_face_gap_s: NonNegative = 0.25

    def __post_init__(self) -> None:
        for name in ("history_s", "anchor_stride_s", "train_stride_s"):
            self.steps(getattr(self, name), f"task.{name}")
        if self.history_steps < 2:
            raise InputError(
                f"task.history_s must be at least two steps of 1/{self.sampling_rate_hz:g} s, "
                f"got {self.history_s} s"
            )
        if self.first_anchor_s != 0:
            self.steps(self.first_anchor_s, "task.first_anchor_s")
        if not self.horizons_s or list(self.horizons_s) != sorted(set(self.horizons_s)):
            raise InputError(
                f"task.horizons_s must hold one horizon at least and increase, "
                f"got {list(self.horizons_s)}"
            )
        for horizon_s in self.horizons_s:
            self.steps(horizon_s, "task.horizons_s")
        if not self.report_horizons_s:
            raise InputError("task.report_horizons_s must hold one horizon at least, got []")
        if self.horizon_weights is not None and len(self.horizon_weights) != len(self.horizons_s):
            raise InputError(
                f"task.horizon_weights needs one weight a horizon ({len(self.horizons_s)}), "
                f"got {len(self.horizon_weights)}"
            )
        if self.horizon_weights is not None and not sum(self.horizon_weights) > 0:
            raise InputError(
                f"task.horizon_weights must not be all 0, got {list(self.horizon_weights)}"
            )

    def steps(self, seconds: float, name: str) -> int:
        """A positive time in steps of the clock.

        Args:
            seconds: The time.
            name: The setting that it comes from, for the message.

        Raises:
            InputError: It is not a positive whole number of steps.
        """
        if not isinstance(seconds, int | float):
            raise InputError(f"{name} must be a number of seconds, got {seconds!r}")
        steps = seconds * self.sampling_rate_hz
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6:
            raise InputError(
                f"{name} must be a positive whole number of steps of "
                f"1/{self.sampling_rate_hz:g} s, got {seconds} s"
            )
        return round(steps)

    @property
    def gaps_s(self) -> dict[str, float]:
        """Longest gaps that resampling bridges, as `vpnet.recordings.resampling.resample` asks."""
        return {
            "max_head_gap_s": self.max_head_gap_s,
            "max_gaze_gap_s": self.max_gaze_gap_s,
            "max_face_gap_s": self.max_face_gap_s,
        }

    @property
    def history_steps(self) -> int:
        """Steps of the history, the anchor included."""
        return self.steps(self.history_s, "task.history_s")

    @property
    def horizon_steps(self) -> tuple[int, ...]:
        """Predicted steps after the anchor."""
        return tuple(self.steps(horizon_s, "task.horizons_s") for horizon_s in self.horizons_s)
