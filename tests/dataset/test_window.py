import math
from typing import Any

import pytest

from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.settings import settings_of

REQUIRED: dict[str, Any] = {"sampling_rate_hz": 5, "history_steps": 15, "horizon_steps": (1, 5)}


def test_horizons_in_seconds():
    spec = WindowSpec(30, history_steps=60, horizon_steps=(6, 15, 30))
    assert spec.horizons_s == pytest.approx((0.2, 0.5, 1.0))


def test_a_list_of_steps_becomes_a_tuple():
    spec = WindowSpec(5, history_steps=5, horizon_steps=[1, 2])
    assert spec == WindowSpec(5, history_steps=5, horizon_steps=(1, 2))


@pytest.mark.parametrize("steps", [(2, 1), (1, 1), tuple(range(5000, 0, -1))])
def test_horizons_must_increase(steps):
    with pytest.raises(InputError, match="horizon_steps must increase, got") as error:
        WindowSpec(5, 15, steps)
    assert len(str(error.value)) < 120


@pytest.mark.parametrize("count", [0, 10_001])
def test_the_number_of_horizons_is_limited(count):
    with pytest.raises(InputError, match=f"must hold from 1 to 10000 steps, got {count}"):
        WindowSpec(5, 15, tuple(range(1, count + 1)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("sampling_rate_hz", value) for value in (0, -5.0, 5e-324, 1e6, math.inf, 10**400)),
        *(("history_steps", value) for value in (-1, 0, 1, 10_001, 10**400)),
        *(("horizon_steps", value) for value in ((0, 1), (1, 100_001), (1, 2.0), "12")),
        *(("users", value) for value in (-1, 1_000_001)),
        *(("face_features", value) for value in (-1, 1001)),
        *(("answers", value) for value in (-1, 1001)),
        *(("saliency_view", value) for value in ("behind", "")),
        *(("saliency_weighting", value) for value in ("cosine", "")),
        *(("saliency_lookahead_s", value) for value in (-0.1, math.inf, math.nan)),
        *(("map_every_s", value) for value in (0.0, -1.0, 0.05, math.nan)),
    ],
)
def test_values_out_of_range_are_refused(name, value):
    """Windows are described in checkpoints, and a file must not decide what memory is taken."""
    with pytest.raises(InputError, match=f"^{name} must be"):
        WindowSpec(**(REQUIRED | {name: value}))


@pytest.mark.parametrize("name", settings_of(WindowSpec))
def test_every_field_refuses_other_types(name, wrong_values):
    for value in wrong_values(settings_of(WindowSpec)[name]):
        with pytest.raises(InputError, match=f"^{name} must be"):
            WindowSpec(**(REQUIRED | {name: value}))


def test_the_largest_windows_are_described_at_once():
    """Not after comparing every horizon with every map."""
    spec = WindowSpec(1000, 10_000, tuple(range(10, 100_001, 10)), saliency_view="maps")
    assert spec.map_of_horizon == tuple(range(10_000, 20_000))


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
