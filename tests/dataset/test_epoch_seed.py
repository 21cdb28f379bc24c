import itertools

from vpnet.dataset.epoch_seed import NOISE, ORDER, epoch_seed


def test_every_epoch_purpose_and_process_has_its_own_seed():
    given = list(itertools.product(range(4), range(4), (ORDER, NOISE), range(3)))
    seeds = [epoch_seed(*each) for each in given]
    assert len(set(seeds)) == len(given)
    assert seeds == [epoch_seed(*each) for each in given]
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_largest_seed_is_one():
    assert epoch_seed(2**32 - 1, 0) != epoch_seed(0, 0)
