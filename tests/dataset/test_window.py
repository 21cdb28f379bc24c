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
    with pytest.raises(ValueError, match="history_steps must be a whole number from 2 to 10000"):
        WindowSpec(5, history_steps, (1,))


@pytest.mark.parametrize("steps", [(), (0, 1), (2, 1), (1, 1)])
def test_horizons_must_increase(steps):
    with pytest.raises(ValueError, match="must be (positive and increasing|a list of whole)"):
        WindowSpec(5, 15, steps)


@pytest.mark.parametrize(
    ("every_s", "lookahead_s", "times_s", "map_of_horizon"),
    [
        (1.0, None, (1.0, 2.0), (0, 0, 0, 1)),
        (0.4, None, (0.4, 0.8, 2.0), (0, 0, 1, 2)),
        (1.2, None, (1.2, 2.0), (0, 0, 0, 1)),
        (0.5, 0.7, (0.5, 0.7), (0, 0, 1, 1)),
        (5.0, None, (2.0,), (0, 0, 0, 0)),
        (1.0, 1.5, (1.0, 1.5), (0, 0, 0, 1)),
        (1.0, 0.5, (0.5,), (0, 0, 0, 0)),
        (1.0, 0.0, (0.0,), (0, 0, 0, 0)),
    ],
)
def test_each_horizon_has_the_map_nearest_to_it(every_s, lookahead_s, times_s, map_of_horizon):
    """Of those that may be known; the first lies one interval ahead."""
    spec = WindowSpec(5, 3, (1, 2, 4, 10), map_every_s=every_s, saliency_lookahead_s=lookahead_s)
    assert spec.saliency_times_s == pytest.approx(times_s)
    assert spec.map_of_horizon == map_of_horizon


@pytest.mark.parametrize("view", ["maps", "points"])
def test_other_views_see_every_step(view):
    spec = WindowSpec(5, 3, (1, 5), saliency_view=view)
    assert spec.saliency_times_s == pytest.approx((-0.4, -0.2, 0.0, 0.2, 1.0))


@pytest.mark.parametrize("every_s", [0.0, -1.0, float("nan")])
def test_maps_lie_apart(every_s):
    with pytest.raises(ValueError, match="map_every_s must be a number of at least 0.1"):
        WindowSpec(5, 3, (1, 2), map_every_s=every_s)
