import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.geometry.directions import direction_from_angles, great_circle_distance, normalize
from vpnet.models.constant_velocity import ConstantVelocity


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


@pytest.mark.parametrize("span_s", [0.0, 0.05, 1.6, 9.0])
def test_the_span_lies_within_the_history(make_spec, span_s):
    with pytest.raises(
        ValueError,
        match=rf"(the history \(1.6 s\)|number above 0), got {span_s}",
    ):
        ConstantVelocity(make_spec(), span_s)


@pytest.mark.parametrize("decay_s", [0.0, -1.0])
def test_the_decay_is_positive(make_spec, decay_s):
    with pytest.raises(ValueError, match=rf"number above 0, or null, got {decay_s}"):
        ConstantVelocity(make_spec(), decay_s=decay_s)
