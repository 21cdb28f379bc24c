import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpnet.dataset.batch_order import NOISE, ORDER, RunSampler, epoch_seed


@settings(max_examples=60, deadline=None)
@given(windows=st.integers(1, 200), run_length=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_window_once_in_consecutive_runs(windows, run_length, seed):
    sampler = RunSampler(windows, run_length, seed)
    order = list(sampler)
    assert len(sampler) == len(order) == windows
    assert sorted(order) == list(range(windows))
    runs: list[list[int]] = []
    for index in order:
        if index % run_length == 0:
            runs.append([])
        runs[-1].append(index)
    for run in runs:
        assert run == list(range(run[0], min(run[0] + run_length, windows)))


@pytest.mark.parametrize("run_length", [1, 2])
def test_runs_are_shuffled_anew_every_epoch(run_length):
    sampler = RunSampler(500, run_length, seed=0)
    first = list(sampler)
    assert first != sorted(first)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_seed_and_epoch_alone_decide():
    def order(seed: int, epoch: int) -> list[int]:
        torch.manual_seed(epoch)  # must not matter
        sampler = RunSampler(50, 2, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(3, 1) == order(3, 1)
    orders = [order(3, 1), order(1, 3), order(3, 2), order(4, 1), order(4, 0)]
    assert len({tuple(each) for each in orders}) == len(orders)


@pytest.mark.parametrize("windows", [24, 25, 31])
def test_processes_that_take_turns_get_whole_runs(windows):
    order = list(RunSampler(windows, 2, processes=2))
    assert sorted(order) == list(range(windows))
    for process in range(2):
        dealt = order[process::2]
        pairs = list(zip(dealt[::2], dealt[1::2], strict=False))
        torn = [pair for pair in pairs if pair[1] != pair[0] + 1]
        assert len(torn) <= 1, "only the last, incomplete group may be torn"


@settings(max_examples=60, deadline=None)
@given(
    windows=st.integers(1, 120),
    run_length=st.integers(1, 3),
    group_size=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_groups_hold_neighbours_of_the_order(windows, run_length, group_size, seed):
    order = torch.randperm(windows, generator=torch.Generator().manual_seed(seed))
    sampler = RunSampler(
        windows,
        run_length,
        seed,
        order=order,
        group_size=group_size,
    )
    drawn = list(sampler)
    assert sorted(drawn) == list(range(windows))
    starts = [int(index) for index in order if index % run_length == 0]
    place = {start: number for number, start in enumerate(starts)}
    drawn_starts = [index for index in drawn if index % run_length == 0]
    breaks = sum(
        (place[second] - place[first]) % len(starts) != 1
        for first, second in zip(drawn_starts, drawn_starts[1:], strict=False)
        if len(starts) > 1
    )
    runs_a_group = max(1, group_size // run_length)
    assert breaks <= max(0, -(-len(starts) // runs_a_group))


def test_where_groups_begin_is_drawn_anew_every_epoch():
    order = torch.arange(64)
    sampler = RunSampler(64, 1, seed=0, order=order, group_size=8)
    begins = set()
    for epoch in range(40):
        sampler.set_epoch(epoch)
        begins.add(next(iter(sampler)) % 8)
    assert len(begins) > 4


@pytest.mark.parametrize("windows", [64, 61])
def test_processes_that_take_turns_get_whole_groups(windows):
    order = list(
        RunSampler(
            windows,
            1,
            processes=2,
            order=torch.arange(windows),
            group_size=4,
        )
    )
    assert sorted(order) == list(range(windows))
    for process in range(2):
        dealt = order[process::2]
        groups = [dealt[at : at + 4] for at in range(0, len(dealt) - 4, 4)]
        torn = [
            g for g in groups if any((b - a) % windows != 1 for a, b in zip(g, g[1:], strict=False))
        ]
        assert len(torn) <= 1, "only what is left over at the end may be torn"


def test_every_epoch_purpose_and_process_has_its_own_seed():
    given = list(itertools.product(range(4), range(4), (ORDER, NOISE), range(3)))
    seeds = [epoch_seed(*each) for each in given]
    assert len(set(seeds)) == len(given)
    assert seeds == [epoch_seed(*each) for each in given]
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_largest_seed_is_one():
    assert epoch_seed(2**32 - 1, 0) != epoch_seed(0, 0)
