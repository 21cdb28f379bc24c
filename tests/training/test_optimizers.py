import pytest
import torch

from vpnet.training.optimizers import cosine, warm_cosine


def rates(epochs: int, steps: int, start: int = 0) -> list[float]:
    """Learning rates of the epochs from ``start`` on, as a resumed scheduler gives them."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    scheduler = cosine(optimizer, epochs)
    if start:
        scheduler.load_state_dict(scheduler.state_dict() | {"last_epoch": start - 1})
        optimizer.step()
        scheduler.step()
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_half_a_cosine_from_the_full_rate_to_zero():
    assert rates(4, 6) == pytest.approx(
        [0.2, 0.1 + 0.1 * 0.5**0.5, 0.1, 0.1 - 0.1 * 0.5**0.5, 0, 0]
    )


def test_it_is_a_function_of_the_epoch_alone():
    assert rates(10, 4, start=6) == pytest.approx(rates(10, 10)[6:])


def test_no_epochs_are_no_division_by_zero():
    assert rates(0, 2) == pytest.approx([0.2, 0.0])


def warm_rates(batches: int, warm_up_batches: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    scheduler = warm_cosine(optimizer, batches, warm_up_batches)
    found = []
    for _ in range(batches + 1):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_a_warm_cosine_rises_and_falls_to_zero():
    found = warm_rates(40, 4)
    assert found[0] == pytest.approx(0.05)
    assert found[3] > 0.19
    assert found[:4] == sorted(found[:4])
    assert found[4:] == sorted(found[4:], reverse=True)
    assert found[20] == pytest.approx(0.1)
    assert found[40] == pytest.approx(0.0)


def test_a_warm_up_takes_at_most_a_tenth():
    assert warm_rates(20, 50)[1] > 0.19
    assert warm_rates(1, 50) == pytest.approx([0.2, 0.0])
