import math

import pytest
import torch
from torch import Tensor

from vpnet.dataset.task import Task
from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.training.loss import ForecastLoss, forecast_loss, smoothness


def at_yaw(yaw_deg: list[list[float]]) -> Tensor:
    yaw_rad = torch.deg2rad(torch.tensor(yaw_deg))
    return direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad))


FUTURE = [[0.0, 0.0], [0.0, 90.0]]
PREDICTED = [[10.0, 20.0], [-30.0, 130.0]]  # errors 10, 20, 30, 40 degrees


@pytest.mark.parametrize(
    ("weights", "valid", "expected_deg"),
    [
        # The horizons' means over the windows are 20 and 30 degrees.
        (None, [[True, True], [True, True]], (20 + 30) / 2),
        ([1.0, 1.0], [[True, True], [True, True]], 20 + 30),
        ([3.0, 1.0], [[True, True], [True, True]], 3 * 20 + 30),
        ([1, 0], [[True, True], [True, True]], 20),
        # Each horizon's mean is over the windows that know it.
        (None, [[True, False], [True, True]], (20 + 40) / 2),
        (None, [[False, False], [False, True]], (0 + 40) / 2),
        ([3.0, 1.0], [[False, True], [True, False]], 3 * 30 + 20),
        (None, [[False, False], [False, False]], 0),
    ],
)
def test_known_values(window_on_the_equator, weights, valid, expected_deg):
    loss = ForecastLoss(2, weights)(at_yaw(PREDICTED), window_on_the_equator(FUTURE, valid))
    assert math.degrees(loss.item()) == pytest.approx(expected_deg, abs=1e-3)


@pytest.mark.parametrize("content", [0.0, math.nan, 1e9])
def test_what_an_unknown_future_holds_changes_neither_loss_nor_gradient(
    window_on_the_equator, content
):
    window = window_on_the_equator(FUTURE, [[True, False], [False, True]])
    unknown = ~window.future_valid.unsqueeze(-1)
    spoilt = window._replace(
        future_directions=window.future_directions.masked_fill(unknown, content)
    )
    results = []
    for batch in (window, spoilt):
        predicted = at_yaw(PREDICTED).requires_grad_()
        loss = ForecastLoss(2)(predicted, batch)
        loss.backward()
        assert predicted.grad is not None
        results.append((loss.detach(), predicted.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert (results[1][1][[0, 1], [1, 0]] == 0).all()


def test_a_perfect_prediction_has_finite_gradients(window_on_the_equator):
    predicted = at_yaw(FUTURE).requires_grad_()
    loss = ForecastLoss(2, smoothness_weight=0.1)(predicted, window_on_the_equator(FUTURE))
    loss.backward()
    assert predicted.grad is not None
    assert predicted.grad.isfinite().all()


@pytest.mark.parametrize(
    ("recordings", "anchors", "stride", "expected_deg"),
    [
        # Predictions lie 10, 20, 40 degrees from one window to the next.
        ([0, 0, 0, 0], [5, 6, 7, 8], 1, (10 + 20 + 40) / 3),
        ([0, 0, 1, 1], [5, 6, 7, 8], 1, (10 + 40) / 2),
        ([0, 1, 2, 3], [5, 6, 7, 8], 1, 0),
        ([0, 0, 0, 0], [5, 6, 2, 3], 1, (10 + 40) / 2),
        ([0, 0, 0, 0], [8, 7, 6, 5], 1, 0),
        ([0, 0, 0, 0], [5, 5, 5, 5], 1, 0),
        # Two runs of one recording that happen to meet, the later one second.
        ([0, 0, 0, 0], [5, 6, 90, 91], 1, (10 + 40) / 2),
        ([0, 0, 0, 0], [5, 6, 90, 91], None, (10 + 20 + 40) / 3),
        ([0, 0, 0, 0], [5, 8, 11, 20], 3, (10 + 20) / 2),
    ],
)
def test_only_consecutive_windows_of_one_recording_are_compared(
    window_on_the_equator, recordings, anchors, stride, expected_deg
):
    predicted = at_yaw([[0.0, 180.0], [10.0, 170.0], [30.0, 150.0], [70.0, -170.0]])
    window = window_on_the_equator([[0.0, 0.0]] * 4, None, recordings, anchors)
    calm = smoothness(predicted, window, stride)
    assert math.degrees(calm.item()) == pytest.approx(expected_deg, abs=1e-3)
    plain = ForecastLoss(2)(predicted, window)
    together = ForecastLoss(2, None, 0.25, stride)(predicted, window)
    assert together.item() == pytest.approx((plain + 0.25 * calm).item(), abs=1e-6)


def test_one_window_has_no_neighbour(window_on_the_equator):
    assert smoothness(at_yaw([[3.0, 4.0]]), window_on_the_equator([[0.0, 0.0]])).item() == 0


def test_a_task_decides_its_loss():
    task = Task(
        name="tiny",
        sampling_rate_hz=30,
        history_s=1.0,
        horizons_s=[0.2, 1.0],
        report_horizons_s=[0.2],
        first_anchor_s=1.0,
        anchor_stride_s=1.0,
        train_stride_s=0.1,
        horizon_weights=[1.0, 0.5],
        smoothness_weight=0.1,
    )
    loss = forecast_loss(task)
    assert loss.weights.tolist() == [1.0, 0.5]
    assert (loss.smoothness_weight, loss.stride_steps) == (0.1, 3)


def test_squared_differences_are_those_of_the_vectors(window_on_the_equator):
    window = window_on_the_equator([[0.0, 90.0]])
    predicted = window.future_directions + torch.tensor([0.3, 0.0, -0.6])
    loss = ForecastLoss(2, distance="mse")(predicted, window)
    assert float(loss) == pytest.approx((0.3**2 + 0.6**2) / 3)
    with pytest.raises(InputError, match="training.loss must be great_circle or mse, got 'mae'"):
        ForecastLoss(2, distance="mae")


@pytest.mark.parametrize("distance", ["great_circle", "mse"])
def test_steps_of_the_past_count_as_those_to_come(window_on_the_equator, distance):
    """Two steps of history told right and three of the future told wrong: three fifths."""
    window = window_on_the_equator([[0.0, 0.0, 0.0]])
    past = torch.tensor([[[0.0, 0.0, 1.0]] * 2])
    window = window._replace(history_directions=past)
    predicted = torch.tensor([[[1.0, 0.0, 0.0]] * 3])
    loss = ForecastLoss(3, distance=distance)
    alone = float(loss(predicted, window))
    assert float(loss(predicted, window, past)) == pytest.approx(0.6 * alone)
    wrong = torch.tensor([[[1.0, 0.0, 0.0]] * 2])
    assert float(loss(predicted, window, wrong)) == pytest.approx(alone)


def test_weights_are_one_a_horizon():
    with pytest.raises(ValueError, match="3 horizons need as many weights, got 2"):
        ForecastLoss(3, [1.0, 2.0])
