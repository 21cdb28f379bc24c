"""Means over windows and over users, and how sure the latter are.

A mean over all windows lets the longest videos and the most recorded users decide; a mean over
users does not. The users are the sample, so the interval is found by drawing users.
"""

from typing import NamedTuple

import torch
from torch import Tensor

CONFIDENCE = 0.95
"""Share of the bootstrap means that an interval holds."""


class Averages(NamedTuple):
    """Averages of each column; NaN where nothing valid was there to average."""

    over_windows: Tensor
    """Mean over valid windows, shape ``(columns,)``."""
    per_user: Tensor
    """Mean over each user's valid windows, shape ``(users, columns)``."""
    over_users: Tensor
    """Mean of the users' means, shape ``(columns,)``."""
    low: Tensor
    """Lower end of the interval of the mean over users, shape ``(columns,)``."""
    high: Tensor
    """Upper end of that interval, shape ``(columns,)``."""
    std_over_users: Tensor
    """Standard deviation of the users' means (n - 1), shape ``(columns,)``."""
    window_count: Tensor
    """Valid windows, shape ``(columns,)``."""
    user_count: Tensor
    """Users with a valid window, shape ``(columns,)``."""


def average(values: Tensor, valid: Tensor, user_index: Tensor, weights: Tensor) -> Averages:
    """Average the columns of a table of windows.

    Args:
        values: Any quantity, float64, shape ``(windows, columns)``; ignored where not valid.
        valid: Which values count, shape ``(windows, columns)``.
        user_index: User of each window, in [0, users), shape ``(windows,)``.
        weights: From `bootstrap_weights`, shape ``(draws, users)``.

    Returns:
        Averages of each column.
    """
    sums, counts = group_sums(values, valid, user_index, weights.shape[1])
    per_user = sums / counts
    low, high = bootstrap_interval(per_user, weights)
    return Averages(
        over_windows=sums.sum(0) / counts.sum(0),
        per_user=per_user,
        over_users=per_user.nanmean(0),
        low=low,
        high=high,
        std_over_users=_deviation(per_user),
        window_count=counts.sum(0).long(),
        user_count=(counts > 0).sum(0),
    )


def group_sums(
    values: Tensor, valid: Tensor, group_index: Tensor, groups: int
) -> tuple[Tensor, Tensor]:
    """Sums of the valid values of each group, and how many these are.

    Args:
        values: Shape ``(windows, columns)``.
        valid: Which values count, shape ``(windows, columns)``.
        group_index: Group of each window, in [0, groups), shape ``(windows,)``.
        groups: Number of groups.

    Returns:
        Sums and counts, each ``(groups, columns)``.
    """
    zeros = values.new_zeros(groups, values.shape[1])
    kept = torch.where(valid, values, 0)
    sums = zeros.index_add(0, group_index, kept)
    return sums, zeros.index_add(0, group_index, valid.to(values.dtype))


def bootstrap_weights(users: int, draws: int, seed: int) -> Tensor:
    """How often each user is drawn, in resamples of as many users with replacement.

    Args:
        users: Number of users, at least 1.
        draws: Number of resamples, at least 1.
        seed: Seed of the draws, so that a result can be repeated.

    Returns:
        Counts, float64, shape ``(draws, users)``; each row sums to ``users``.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(users, (draws, users), generator=generator)
    ones = torch.ones(drawn.shape, dtype=torch.float64)
    return torch.zeros(draws, users, dtype=torch.float64).scatter_add_(1, drawn, ones)


def bootstrap_interval(per_user: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Percentile interval of the mean over users (Efron, Annals of Statistics 1979).

    Args:
        per_user: One value per user and column, NaN where a user has none, float64, shape
            ``(users, columns)``.
        weights: From `bootstrap_weights`, shape ``(draws, users)``.

    Returns:
        Lower and upper end, each of shape ``(columns,)``; NaN where fewer than two users have a
        value, because one user says nothing about others.
    """
    present = ~per_user.isnan()
    sums = weights @ torch.where(present, per_user, 0)
    # A resample that holds none of the users with a value is 0 / 0, which nanquantile leaves out.
    means = sums / (weights @ present.to(weights.dtype))
    tail = (1 - CONFIDENCE) / 2
    ends = torch.nanquantile(means, torch.tensor((tail, 1 - tail), dtype=means.dtype), dim=0)
    low, high = torch.where(present.sum(0) >= 2, ends, torch.nan)
    return low, high


def _deviation(per_user: Tensor) -> Tensor:
    """Standard deviation of the columns (n - 1), NaN entries left out."""
    squares = (per_user - per_user.nanmean(0)).square().nansum(0)
    degrees_of_freedom = (~per_user.isnan()).sum(0) - 1
    return torch.where(degrees_of_freedom > 0, (squares / degrees_of_freedom).sqrt(), torch.nan)
