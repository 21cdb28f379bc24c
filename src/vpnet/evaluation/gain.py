"""By how much one error is smaller than another."""

import math
from collections.abc import Mapping
from typing import Any

from vpnet.errors import InputError
from vpnet.evaluation.summary import mean_errors_deg


def gain_percent(reference_deg: float, error_deg: float) -> float:
    """How much smaller an error is than a reference, in percent; negative where it is larger.

    Args:
        reference_deg: Error that is improved on.
        error_deg: Error afterwards.

    Returns:
        Gain in percent; NaN where the reference is without error, which nothing can improve.
    """
    return (reference_deg - error_deg) / reference_deg * 100 if reference_deg else math.nan


def personalization_gain_percent(
    generic: Mapping[str, Any], personalised: Mapping[str, Any]
) -> dict[str, float]:
    """What knowing the user brings: (generic - personalised) / generic of the errors over users.

    Args:
        generic: Summary of the model that treats every user as unknown.
        personalised: Summary of the model that knows them, on the same windows.

    Returns:
        Gain in percent by horizon and range ("1 s", "2-5 s"); those without a number are left out.

    Raises:
        InputError: The two were not evaluated on the same windows, users and horizons.
    """
    before, after = mean_errors_deg(generic), mean_errors_deg(personalised)
    for what, first, second in (
        ("windows", generic["window_count"], personalised["window_count"]),
        ("users", sorted(generic["users"]), sorted(personalised["users"])),
        ("horizons", list(before), list(after)),
    ):
        if first != second:
            raise InputError(
                f"a gain compares two evaluations of the same {what}, got {first} and {second}; "
                "evaluate both models on one split and task"
            )
    return {
        label: gain_percent(reference_deg, after_deg)
        for label, reference_deg in before.items()
        if reference_deg is not None and (after_deg := after[label]) is not None
    }
