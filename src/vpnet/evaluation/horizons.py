"""The horizons that results are reported at, and directions at horizons between two steps."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import interpolate_directions

REPORT_HORIZONS_S = (0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Horizons that every model reports, as far as its task reaches."""

TOLERANCE_S = 1e-6
"""Two horizons nearer than this are one: 6 steps at 30 Hz and 1 step at 5 Hz are both 0.2 s."""


class HorizonRange(NamedTuple):
    """A range of horizons whose errors are averaged."""

    name: str
    """What tables call it."""
    start_s: float
    """Its shortest horizon."""
    end_s: float
    """Its longest horizon, which belongs to it."""
    has_start: bool
    """Whether the shortest horizon belongs to it."""

    def steps(self, steps_s: Sequence[float]) -> list[int]:
        """Positions of the steps that lie in this range; none unless the steps span it.

        Args:
            steps_s: Horizons of the steps, increasing.
        """
        first_s = self.start_s - TOLERANCE_S if self.has_start else self.start_s + TOLERANCE_S
        inside = [k for k, s in enumerate(steps_s) if first_s <= s <= self.end_s + TOLERANCE_S]
        if not inside or steps_s[-1] < self.end_s - TOLERANCE_S:
            return []
        if self.has_start and steps_s[inside[0]] > self.start_s + TOLERANCE_S:
            return []
        return inside


HORIZON_RANGES = (
    HorizonRange("0.2-1 s", 0.2, 1.0, has_start=True),
    # The STAR-VP authors average the last 15 of 25 steps at 5 Hz: 2.2 to 5.0 s, without 2.0 s.
    HorizonRange("2-5 s", 2.0, 5.0, has_start=False),
)
"""The ranges that every table reports, as far as the task reaches."""


def horizon_label(horizon_s: float) -> str:
    """What tables call a horizon: "0.2 s"."""
    return f"{horizon_s:g} s"


def reached(wanted_s: Sequence[float], steps_s: Sequence[float]) -> tuple[float, ...]:
    """The horizons that lie between the first and the last step.

    Args:
        wanted_s: Horizons in seconds.
        steps_s: Horizons of the steps, increasing.
    """
    first_s, last_s = steps_s[0] - TOLERANCE_S, steps_s[-1] + TOLERANCE_S
    return tuple(horizon_s for horizon_s in wanted_s if first_s <= horizon_s <= last_s)


def is_step(wanted_s: float, steps_s: Sequence[float]) -> bool:
    """Whether a horizon is one of the steps, so that nothing is interpolated for it."""
    return any(abs(wanted_s - step_s) <= TOLERANCE_S for step_s in steps_s)


def at_horizons(directions: Tensor, steps_s: Sequence[float], wanted_s: Sequence[float]) -> Tensor:
    """Directions at other horizons: the step itself, or between its two neighbours.

    A horizon between two steps (0.5 s on a 5 Hz clock) is interpolated on the great circle.

    Args:
        directions: Unit vectors, shape ``(..., steps, 3)``.
        steps_s: Horizons of the steps, increasing.
        wanted_s: Horizons to take, in any order.

    Returns:
        Unit vectors, shape ``(..., wanted, 3)``.

    Raises:
        InputError: A horizon is before the first or after the last step.
        ValueError: ``steps_s`` does not describe the steps of ``directions``.
    """
    if directions.shape[-2] != len(steps_s):
        raise ValueError(
            f"steps_s must name the {directions.shape[-2]} steps of the directions, "
            f"got {len(steps_s)} horizons"
        )
    before, after, fractions = _neighbours(steps_s, wanted_s)
    fraction = directions.new_tensor(fractions)
    start, end = directions[..., before, :], directions[..., after, :]
    between = interpolate_directions(start, end, fraction.expand(start.shape[:-1]))
    return torch.where((fraction == 0).unsqueeze(-1), start, between)


def valid_at_horizons(valid: Tensor, steps_s: Sequence[float], wanted_s: Sequence[float]) -> Tensor:
    """Whether `at_horizons` rests on measured directions only.

    Args:
        valid: Which steps are known, shape ``(..., steps)``.
        steps_s: Horizons of the steps, increasing.
        wanted_s: Horizons to take, in any order.

    Returns:
        Booleans, shape ``(..., wanted)``.

    Raises:
        InputError: A horizon is before the first or after the last step.
    """
    before, after, _ = _neighbours(steps_s, wanted_s)
    return valid[..., before] & valid[..., after]


def _neighbours(
    steps_s: Sequence[float], wanted_s: Sequence[float]
) -> tuple[list[int], list[int], list[float]]:
    """The steps around each horizon, and how far it is from the first towards the second.

    A horizon that is a step is its own neighbour on both sides.
    """
    before, after, fractions = [], [], []
    for horizon_s in wanted_s:
        if not reached((horizon_s,), steps_s):
            raise InputError(
                f"horizon {horizon_label(horizon_s)} is outside the predicted steps, which run "
                f"from {steps_s[0]:g} to {steps_s[-1]:g} s; choose a horizon in between"
            )
        nearest = min(range(len(steps_s)), key=lambda k: abs(steps_s[k] - horizon_s))
        if abs(steps_s[nearest] - horizon_s) <= TOLERANCE_S:
            first, second, fraction = nearest, nearest, 0.0
        else:
            second = next(k for k, step_s in enumerate(steps_s) if step_s > horizon_s)
            first = second - 1
            fraction = (horizon_s - steps_s[first]) / (steps_s[second] - steps_s[first])
        before.append(first)
        after.append(second)
        fractions.append(fraction)
    return before, after, fractions
