from collections.abc import Callable

import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import great_circle_distance, yaw_and_elevation
from vpnet.geometry.tangent import from_tangent, to_tangent
from vpnet.models.linear import Linear


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
