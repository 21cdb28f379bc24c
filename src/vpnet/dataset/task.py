"""A task: the clock, how much is known, and what is predicted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vpnet.dataset.window import MOST_HISTORY_STEPS, MOST_HORIZON_STEPS, MOST_HORIZONS, Rate
from vpnet.errors import InputError
from vpnet.settings import NonNegative, checked

TimeS = Annotated[float, Field(gt=0, le=3600)]
GapS = Annotated[float, Field(ge=0, le=3600)]


@checked
@dataclass(frozen=True)
class Task:
    """How windows are cut and what is reported.

    Args:
        name: Name of the task, for tables.
        sampling_rate_hz: Steps per second, to which recordings are resampled. It should be at most
            their own rate; slower recordings are used with a warning.
        history_s: Length of the history in seconds; the anchor, the moment of prediction, is its
            last step.
        horizons_s: Horizons that a model predicts, in seconds after the anchor, increasing.
        report_horizons_s: Horizons that tables show, in seconds; between two predicted horizons the
            path is interpolated on the great circle.
        first_anchor_s: Playback time of the earliest anchor in seconds.
        anchor_stride_s: Seconds between anchors in validation and test.
        train_stride_s: Seconds between anchors in training.
        horizon_weights: Weight of each predicted horizon in the loss; null weights all alike.
        smoothness_weight: Weight of the distance between predictions at neighbouring anchors in the
            loss; 0 where anchors are so far apart that predictions rightly differ.
        max_head_gap_s: Longest gap in the head samples that resampling bridges, in seconds.
        max_gaze_gap_s: Longest gap in the gaze samples that resampling bridges, in seconds.
        max_face_gap_s: Longest gap in the face samples that resampling bridges, in seconds.

    Raises:
        InputError: A setting is out of range, a time is not a whole number of steps, the history
            has too few or too many, or a list has the wrong length or order.
    """

    name: str
    sampling_rate_hz: Rate
    history_s: TimeS
    horizons_s: Sequence[TimeS]
    report_horizons_s: Sequence[TimeS]
    first_anchor_s: Annotated[float, Field(ge=0, le=86_400)]
    anchor_stride_s: TimeS
    train_stride_s: TimeS
    horizon_weights: Sequence[NonNegative] | None = None
    smoothness_weight: NonNegative = 0.0
    max_head_gap_s: GapS = 0.5
    max_gaze_gap_s: GapS = 0.1
    max_face_gap_s: GapS = 0.25

    def __post_init__(self) -> None:
        for name in ("history_s", "anchor_stride_s", "train_stride_s"):
            self.steps(getattr(self, name), f"task.{name}")
        if not 2 <= self.history_steps <= MOST_HISTORY_STEPS:
            raise InputError(
                f"task.history_s must be from two to {MOST_HISTORY_STEPS} steps of "
                f"1/{self.sampling_rate_hz:g} s, got {self.history_s} s; shorten it, or lower "
                "task.sampling_rate_hz"
            )
        if self.first_anchor_s != 0:
            self.steps(self.first_anchor_s, "task.first_anchor_s")
        if not 1 <= len(self.horizons_s) <= MOST_HORIZONS:
            raise InputError(
                f"task.horizons_s must hold from 1 to {MOST_HORIZONS} horizons, "
                f"got {len(self.horizons_s)}"
            )
        if list(self.horizons_s) != sorted(set(self.horizons_s)):
            raise InputError(f"task.horizons_s must increase, got {list(self.horizons_s)!r:.80}")
        if self.horizon_steps[-1] > MOST_HORIZON_STEPS:
            raise InputError(
                f"task.horizons_s must end at most {MOST_HORIZON_STEPS} steps of "
                f"1/{self.sampling_rate_hz:g} s after the anchor, got {self.horizons_s[-1]} s; "
                "shorten it, or lower task.sampling_rate_hz"
            )
        if not self.report_horizons_s:
            raise InputError("task.report_horizons_s must hold one horizon at least, got []")
        if self.horizon_weights is not None and len(self.horizon_weights) != len(self.horizons_s):
            raise InputError(
                f"task.horizon_weights needs one weight a horizon ({len(self.horizons_s)}), "
                f"got {len(self.horizon_weights)}"
            )
        if self.horizon_weights is not None and not sum(self.horizon_weights) > 0:
            raise InputError(
                f"task.horizon_weights must not be all 0, got {list(self.horizon_weights)!r:.80}"
            )

    def steps(self, seconds: float, name: str) -> int:
        """A positive time in steps of the clock.

        Args:
            seconds: The time.
            name: The setting that it comes from, for the message.

        Raises:
            InputError: It is not a positive whole number of steps.
        """
        steps = seconds * self.sampling_rate_hz
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6:
            raise InputError(
                f"{name} must be a positive whole number of steps of "
                f"1/{self.sampling_rate_hz:g} s, got {seconds} s"
            )
        return round(steps)

    @property
    def gaps_s(self) -> dict[str, float]:
        """Longest gaps that `vpnet.recordings.resampling.resample` bridges, by its argument."""
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
