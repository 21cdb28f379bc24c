import math

import numpy as np
import pytest
import torch

from vpnet.evaluation.averages import average, bootstrap_interval, bootstrap_weights


def test_each_resample_draws_as_many_users_as_there_are():
    weights = bootstrap_weights(users=7, draws=500, seed=0)
    assert weights.shape == (500, 7)
    assert (weights.sum(1) == 7).all()
    # Each user is drawn once on average; the variance of a count is 1 - 1/7.
    assert weights.mean(0).tolist() == pytest.approx([1.0] * 7, abs=0.15)
    assert weights.var().item() == pytest.approx(6 / 7, abs=0.08)


def test_the_seed_repeats_the_draws():
    first, again = bootstrap_weights(5, 100, seed=3), bootstrap_weights(5, 100, seed=3)
    assert torch.equal(first, again)
    assert not torch.equal(first, bootstrap_weights(5, 100, seed=4))


def test_interval_agrees_with_drawing_users_one_by_one():
    values = np.random.default_rng(0).gamma(2.0, 10.0, size=12)
    generator = np.random.default_rng(1)
    means = [generator.choice(values, size=12).mean() for _ in range(10_000)]
    low, high = bootstrap_interval(
        torch.from_numpy(values).unsqueeze(1), bootstrap_weights(12, 10_000, seed=0)
    )
    assert low.item() == pytest.approx(np.percentile(means, 2.5), abs=0.4)
    assert high.item() == pytest.approx(np.percentile(means, 97.5), abs=0.4)


def test_interval_of_many_users_is_the_normal_one():
    values = torch.randn(400, 1, generator=torch.Generator().manual_seed(5)).double() * 3 + 20
    low, high = bootstrap_interval(values, bootstrap_weights(400, 4000, seed=0))
    half = 1.96 * values.std().item() / math.sqrt(400)
    assert low.item() == pytest.approx(values.mean().item() - half, abs=0.05)
    assert high.item() == pytest.approx(values.mean().item() + half, abs=0.05)


def test_two_users_span_the_interval():
    # A quarter of all resamples holds the first user twice, another quarter the second.
    low, high = bootstrap_interval(
        torch.tensor([[2.0], [8.0]], dtype=torch.float64), bootstrap_weights(2, 1000, seed=0)
    )
    assert (low.item(), high.item()) == (2.0, 8.0)


def test_one_user_has_no_interval():
    per_user = torch.tensor([[4.0, 1.0], [math.nan, 3.0]], dtype=torch.float64)
    low, high = bootstrap_interval(per_user, bootstrap_weights(2, 1000, seed=0))
    assert low.isnan().tolist() == [True, False]
    assert high.isnan().tolist() == [True, False]


def test_a_user_without_a_value_does_not_pull_the_interval():
    present = torch.tensor([3.0, 5.0, 9.0], dtype=torch.float64)
    with_absent = torch.cat((present, torch.tensor([math.nan], dtype=torch.float64)))
    low, high = bootstrap_interval(with_absent.unsqueeze(1), bootstrap_weights(4, 5000, seed=0))
    assert 3.0 <= low.item() < present.mean().item() < high.item() <= 9.0


def test_averages_of_a_small_table_by_hand():
    # Users 0, 0, 0, 1 and 2; the last is never valid in the first column.
    values = torch.tensor([[1.0, 10], [2, 20], [6, 30], [9, 40], [math.nan, 50]]).double()
    valid = torch.tensor([[1, 1], [1, 0], [1, 1], [1, 1], [0, 1]], dtype=torch.bool)
    user_index = torch.tensor([0, 0, 0, 1, 2])
    averages = average(values, valid, user_index, bootstrap_weights(3, 200, seed=0))
    assert averages.over_windows.tolist() == [18 / 4, 130 / 4]
    assert averages.per_user[:, 1].tolist() == [20, 40, 50]
    assert averages.per_user[:2, 0].tolist() == [3, 9]
    assert averages.per_user[2, 0].isnan()
    assert averages.over_users.tolist() == pytest.approx([6, 110 / 3])
    assert averages.std_over_users.tolist() == pytest.approx(
        [np.std([3, 9], ddof=1), np.std([20, 40, 50], ddof=1)]
    )
    assert averages.window_count.tolist() == [4, 4]
    assert averages.user_count.tolist() == [2, 3]


def test_a_column_without_any_valid_window_is_not_a_number():
    averages = average(
        torch.ones(2, 1, dtype=torch.float64),
        torch.zeros(2, 1, dtype=torch.bool),
        torch.tensor([0, 1]),
        bootstrap_weights(2, 50, seed=0),
    )
    for name in ("over_windows", "over_users", "low", "high", "std_over_users"):
        assert getattr(averages, name).isnan().all(), name
    assert averages.user_count.tolist() == [0]
