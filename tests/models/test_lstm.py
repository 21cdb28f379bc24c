import pytest
import torch

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.models.lstm import LSTM


@pytest.mark.parametrize(("hidden", "layers"), [(8, 1), (16, 3)])
def test_shapes(make_spec, make_window, hidden, layers):
    spec = make_spec()
    model = LSTM(spec, hidden, layers)
    assert model.recurrent.encoder.num_layers == model.recurrent.decoder.num_layers == layers
    assert model.recurrent.output.in_features == hidden
    assert model(make_window(spec)).shape == (6, 3, 3)


@pytest.mark.parametrize("crowd", [False, True])
@pytest.mark.parametrize(("velocity", "head"), [(False, 3), (True, 6)])
def test_parameters_are_those_of_the_layers(make_spec, velocity, head, crowd):
    units, width, heads, steps, horizons = 256, 64, 4, 8, 3

    def layer(features):
        return 4 * units * (features + units + 2)

    expected = layer(head) + layer(units) + layer(3) + layer(units) + 3 * units + 3
    if crowd:
        path = (4 * (steps + horizons) + 3) * width + width + width * width + width
        query = horizons * units + units * width + width + width
        memory = 2 * width * width + 6 * width
        expected += path + query + memory + (width + 6 * heads) * units + units
    assert LSTM(make_spec(), crowd=crowd, velocity=velocity).parameter_count == expected


def test_horizons_are_steps_of_one_path(make_spec, make_window, stir):
    """Asked for fewer horizons, the answers to the others stay the same."""
    every = LSTM(make_spec(horizon_steps=(1, 2, 3, 4, 5)), hidden=8)
    stir(every, 0.3)
    some = LSTM(make_spec(horizon_steps=(2, 5)), hidden=8)
    some.load_state_dict(every.state_dict())
    window = make_window(make_spec())
    torch.testing.assert_close(some(window), every(window)[:, [1, 4]])


def test_each_step_adds_to_the_direction_before(make_spec, make_window):
    model = LSTM(make_spec(), hidden=8)
    push = torch.tensor([0.0, 0.3, 0.1])
    with torch.no_grad():
        model.recurrent.output.bias.copy_(push)
    window = make_window(make_spec())
    direction = window.history_directions[:, -1]
    predicted = model(window)
    for step in range(1, 6):
        direction = normalize(direction + push)
        if step in (1, 3, 5):
            found = predicted[:, (step - 1) // 2]
            assert great_circle_distance(found, direction).max() < 1e-5


def test_the_whole_history_is_read(make_spec, make_window, stir):
    model = LSTM(make_spec(), hidden=8)
    stir(model, 0.3)
    window = make_window(make_spec())
    for step in range(8):
        history = window.history_directions.clone()
        history[:, step] = history[:, step].roll(1, dims=-1)
        moved = model(window._replace(history_directions=history))
        assert great_circle_distance(moved, model(window)).min() > 1e-6
