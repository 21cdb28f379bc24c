"""A task: the clock, how much is known, and what is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from vpnet.errors import InputError


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

    Raises:
        InputError: A time is not a whole number of steps, the history is shorter than two, or a
            list has the wrong length, order or sign.
    """

    name: str
    sampling_rate_hz: float
    history_s: float
    horizons_s: Sequence[float]
    report_horizons_s: Sequence[float]
    first_anchor_s: float
    anchor_stride_s: float
    train_stride_s: float
    horizon_weights: Sequence[float] | None = None
    smoothness_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("history_s", "anchor_stride_s", "train_stride_s"):
            self.steps(getattr(self, name), name)
        if self.history_steps < 2:
            raise InputError(
                f"task.history_s must be at least two steps of 1/{self.sampling_rate_hz:g} s, "
                f"got {self.history_s} s"
            )
        if self.first_anchor_s != 0:
            self.steps(self.first_anchor_s, "first_anchor_s")
        if not self.horizons_s or list(self.horizons_s) != sorted(set(self.horizons_s)):
            raise InputError(
                f"task.horizons_s must hold one horizon at least and increase, "
                f"got {list(self.horizons_s)}"
            )
        for horizon_s in self.horizons_s:
            self.steps(horizon_s, "horizons_s")
        if self.horizon_weights is not None and len(self.horizon_weights) != len(self.horizons_s):
            raise InputError(
                f"task.horizon_weights needs one weight a horizon ({len(self.horizons_s)}), "
                f"got {len(self.horizon_weights)}"
            )
        weights = self.horizon_weights or (1.0,)
        if min(weights) < 0 or sum(weights) == 0:
            raise InputError(
                f"task.horizon_weights must not be negative, nor all 0, got {list(weights)}"
            )

    def steps(self, seconds: float, name: str) -> int:
        """A positive time in steps of the clock.

        Raises:
            InputError: It is not a positive whole number of steps.
        """
        steps = seconds * self.sampling_rate_hz
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6:
            raise InputError(
                f"task.{name} must be a positive whole number of steps of "
                f"1/{self.sampling_rate_hz:g} s, got {seconds} s"
            )
        return round(steps)

    @property
    def history_steps(self) -> int:
        """Steps of the history, the anchor included."""
        return self.steps(self.history_s, "history_s")

    @property
    def horizon_steps(self) -> tuple[int, ...]:
        """Predicted steps after the anchor."""
        return tuple(self.steps(horizon_s, "horizons_s") for horizon_s in self.horizons_s)
