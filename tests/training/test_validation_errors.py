import pytest
import torch

from vpnet.training.validation_errors import KnownMean, ValidationErrors


@pytest.mark.parametrize("sizes", [(12,), (1, 11), (5, 4, 3)])
def test_however_windows_are_batched_the_means_are_the_same(sizes):
    generator = torch.Generator().manual_seed(0)
    error_deg = 90 * torch.rand(12, 3, generator=generator)
    known = torch.rand(12, 3, generator=generator) < 0.6
    error_deg[~known] = torch.nan  # anything may stand there
    errors = ValidationErrors([0.2, 1.0, 5.0])
    for batch in zip(error_deg.split(sizes), known.split(sizes), strict=True):
        errors.update(*batch)
    means = {name: mean.compute() for name, mean in errors.named()}
    assert list(means) == [
        "val/error_deg",
        "val/error_0.2s_deg",
        "val/error_1s_deg",
        "val/error_5s_deg",
    ]
    torch.testing.assert_close(means["val/error_deg"], error_deg[known].mean())
    torch.testing.assert_close(means["val/error_1s_deg"], error_deg[known[:, 1], 1].mean())


def test_a_network_that_has_diverged_does_not_look_good():
    mean = KnownMean()
    mean.update(torch.tensor([1.0, torch.nan]), torch.tensor([True, True]))
    assert mean.compute().isnan()


def test_nothing_known_is_no_number():
    mean = KnownMean()
    mean.update(torch.tensor([1.0]), torch.tensor([False]))
    assert mean.compute().isnan()


def test_a_checkpoint_holds_none_of_it():
    assert not ValidationErrors([1.0]).state_dict()
