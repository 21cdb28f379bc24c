"""Held directions, great circles and ridge regression, from their formulas."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import (
    direction_from_angles,
    great_circle_distance,
    normalize,
    yaw_and_elevation,
)
from vpnet.geometry.tangent import from_tangent, to_tangent
from vpnet.models.baselines import ConstantVelocity, Linear, Static


def test_the_last_direction_is_held(make_spec, make_window):
    spec = make_spec()
    window = make_window(spec)
    predicted = Static(spec)(window)
    for horizon in range(3):
        assert torch.equal(predicted[:, horizon], window.history_directions[:, -1])


@pytest.fixture
def move_steadily(make_window) -> Callable[..., ViewportWindow]:
    """Function that makes windows whose heads keep to great circles at constant speed."""

    def make(spec: WindowSpec, speeds_rad_s: list[float], seed: int = 0) -> ViewportWindow:
        window = make_window(spec, batch=len(speeds_rad_s), dtype=torch.float64)
        generator = torch.Generator().manual_seed(seed)
        start, side = torch.randn(2, len(speeds_rad_s), 3, generator=generator, dtype=torch.float64)
        start = normalize(start)
        side = normalize(side - (side * start).sum(-1, keepdim=True) * start)
        steps = torch.tensor([*range(1 - spec.history_steps, 1), *spec.horizon_steps])
        speed = torch.tensor(speeds_rad_s, dtype=torch.float64)
        angle_rad = (speed.unsqueeze(1) * steps / spec.sampling_rate_hz).unsqueeze(-1)
        path = torch.cos(angle_rad) * start.unsqueeze(1) + torch.sin(angle_rad) * side.unsqueeze(1)
        return window._replace(
            history_directions=path[:, : spec.history_steps],
            future_directions=path[:, spec.history_steps :],
        )

    return make


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    speeds=st.lists(st.floats(-6, 6), min_size=1, max_size=8),
    seed=st.integers(0, 99),
    span_s=st.sampled_from([0.2, 0.4]),
)
def test_motion_on_a_great_circle_is_predicted_exactly(
    make_spec, move_steadily, speeds, seed, span_s
):
    spec = make_spec(horizon_steps=(1, 5, 20))
    window = move_steadily(spec, speeds, seed)
    predicted = ConstantVelocity(spec, span_s)(window)
    assert great_circle_distance(predicted, window.future_directions).max() < 1e-4


@pytest.mark.parametrize(("rate_hz", "span_s", "steps"), [(5, 0.2, 1), (30, 0.2, 6), (30, 0.1, 3)])
def test_only_the_span_counts(make_spec, make_window, rate_hz, span_s, steps):
    spec = make_spec(sampling_rate_hz=rate_hz)
    model = ConstantVelocity(spec, span_s)
    window = make_window(spec)
    predicted = model(window)
    for step in range(spec.history_steps):
        moved = window.history_directions.clone()
        moved[:, step] = moved[:, step].roll(1, dims=-1)
        differs = not torch.equal(model(window._replace(history_directions=moved)), predicted)
        assert differs == (step in (spec.history_steps - 1, spec.history_steps - 1 - steps))


def along_the_equator(yaw_deg: list[float]) -> Tensor:
    yaw_rad = torch.deg2rad(torch.tensor(yaw_deg))
    return direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad)).unsqueeze(0)


@pytest.mark.parametrize(
    ("decay_s", "expected_deg"),
    [
        # 2 degrees in 0.2 s are 10 degrees a second.
        (None, [2.0, 6.0, 10.0]),
        (1.0, [10 * (1 - math.exp(-h)) for h in (0.2, 0.6, 1.0)]),
        (0.1, [1.0 * (1 - math.exp(-h / 0.1)) for h in (0.2, 0.6, 1.0)]),
    ],
)
def test_known_values(make_spec, make_window, decay_s, expected_deg):
    spec = make_spec()
    window = make_window(spec, batch=1)._replace(
        history_directions=along_the_equator([50.0] * 6 + [0.0, 2.0])
    )
    predicted = ConstantVelocity(spec, decay_s=decay_s)(window)
    expected = along_the_equator([2 + moved for moved in expected_deg])
    assert great_circle_distance(predicted, expected).max() < 1e-5


def test_a_head_at_rest_stays(make_spec, make_window):
    spec = make_spec()
    window = make_window(spec)
    still = window.history_directions[:, -1:].expand(-1, spec.history_steps, -1)
    predicted = ConstantVelocity(spec)(window._replace(history_directions=still))
    assert great_circle_distance(predicted, still[:, :3]).max() < 1e-6


@pytest.mark.parametrize("span_s", [0.05, 1.6, 9.0, 3600.0])
def test_the_span_lies_within_the_history(make_spec, span_s):
    with pytest.raises(ValueError, match=rf"shorter than the history \(1.6 s\), got {span_s}"):
        ConstantVelocity(make_spec(), span_s)


def plain_features(window: ViewportWindow) -> Tensor:
    """Tangent coordinates of the earlier steps and the elevation of the last."""
    last = window.history_directions[:, -1:]
    past = to_tangent(last, window.history_directions[:, :-1]).flatten(1)
    return torch.cat((past, yaw_and_elevation(last)[1]), dim=1).double()


@pytest.fixture
def follow_linearly(make_window) -> Callable[..., ViewportWindow]:
    """Function that makes windows whose future is linear in the tangent plane, plus noise."""

    def make(spec: WindowSpec, batch: int, seed: int, noise_rad: float = 0.0) -> ViewportWindow:
        window = make_window(spec, batch, seed=seed, dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)
        features = plain_features(window)
        horizons = len(spec.horizon_steps)
        law = 0.1 * torch.randn(features.shape[1], 2 * horizons, generator=generator).double()
        offset_rad = features @ law + 0.05
        generator.manual_seed(seed)
        offset_rad += noise_rad * torch.randn(offset_rad.shape, generator=generator).double()
        future = from_tangent(window.history_directions[:, -1:], offset_rad.unflatten(1, (-1, 2)))
        return window._replace(
            future_directions=future, future_valid=torch.ones(batch, horizons, dtype=torch.bool)
        )

    return make


def test_a_linear_motion_is_recovered(make_spec, follow_linearly):
    spec = make_spec()
    model = Linear(spec, ridge=1e-9).double()
    for seed in range(4):
        model.accumulate(follow_linearly(spec, 50, seed))
    model.solve()
    unseen = follow_linearly(spec, 40, seed=99)
    assert great_circle_distance(model(unseen), unseen.future_directions).max() < 1e-4


@pytest.mark.parametrize("ridge", [1e-4, 0.1])
def test_the_weights_are_those_of_scikit_learn(make_spec, follow_linearly, ridge):
    spec = make_spec()
    windows = [follow_linearly(spec, 60, seed, noise_rad=0.2) for seed in range(3)]
    model = Linear(spec, ridge).double()
    for window in windows:
        model.accumulate(window)
    model.solve()
    features = torch.cat([plain_features(window) for window in windows]).numpy()
    targets = torch.cat(
        [
            to_tangent(window.history_directions[:, -1:], window.future_directions).flatten(1)
            for window in windows
        ]
    ).numpy()
    reference = Ridge(alpha=ridge * len(features)).fit(features, targets)
    unseen = follow_linearly(spec, 40, seed=99)
    offset_rad = torch.from_numpy(reference.predict(plain_features(unseen).numpy()))
    expected = from_tangent(unseen.history_directions[:, -1:], offset_rad.unflatten(1, (-1, 2)))
    assert great_circle_distance(model(unseen), expected).max() < 1e-6


def test_windows_with_an_unknown_future_are_left_out(make_spec, follow_linearly):
    spec = make_spec()
    window = follow_linearly(spec, 80, 0, noise_rad=0.1)
    kept = torch.arange(80) % 3 > 0
    known = window.future_valid & kept.unsqueeze(1)
    known[::2, 0] = True  # of half of the others only a part is unknown
    spoilt = window.future_directions.where(known.unsqueeze(-1), torch.nan)
    partly, only_kept = Linear(spec), Linear(spec)
    partly.accumulate(window._replace(future_directions=spoilt, future_valid=known))
    only_kept.accumulate(ViewportWindow(*(v[kept] if len(v) == 80 else v for v in window)))
    for model in (partly, only_kept):
        model.solve()
    torch.testing.assert_close(partly.weights, only_kept.weights)


def test_nothing_to_solve_is_an_error(make_spec, make_window):
    spec = make_spec()
    model = Linear(spec)
    window = make_window(spec)
    model.accumulate(window._replace(future_valid=torch.zeros_like(window.future_valid)))
    with pytest.raises(ValueError, match="no training window with a fully known future"):
        model.solve()


def test_unfitted_it_is_static_and_its_weights_travel(make_spec, make_window, follow_linearly):
    spec = make_spec()
    fitted, fresh = Linear(spec), Linear(spec)
    window = make_window(spec)
    still = great_circle_distance(fresh(window), window.history_directions[:, -1:])
    assert still.max() < 1e-6
    fitted.accumulate(follow_linearly(spec, 50, 0))
    fitted.solve()
    assert set(fitted.state_dict()) == {"weights"}
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh(window), fitted(window))
