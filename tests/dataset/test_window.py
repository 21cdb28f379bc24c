import pytest

from vpnet.dataset.window import WindowSpec


def test_horizons_in_seconds():
    spec = WindowSpec(30, history_steps=60, horizon_steps=(6, 15, 30))
    assert spec.horizons_s == pytest.approx((0.2, 0.5, 1.0))


def test_a_list_of_steps_becomes_a_tuple():
    spec = WindowSpec(5, history_steps=5, horizon_steps=[1, 2])  # pyright: ignore[reportArgumentType]
    assert spec == WindowSpec(5, history_steps=5, horizon_steps=(1, 2))


@pytest.mark.parametrize("history_steps", [-1, 0, 1])
def test_a_history_needs_two_steps(history_steps):
    with pytest.raises(ValueError, match=f"history_steps must be at least 2, got {history_steps}"):
        WindowSpec(5, history_steps, (1,))


@pytest.mark.parametrize("steps", [(), (0, 1), (2, 1), (1, 1)])
def test_horizons_must_increase(steps):
    with pytest.raises(ValueError, match="horizon_steps must be positive and increasing"):
        WindowSpec(5, 15, steps)
