import pytest
import torch

from vpnet.geometry.directions import great_circle_distance
from vpnet.models.track import GRID, Track


@pytest.fixture
def spec(make_spec):
    return make_spec(saliency_view="maps")


@pytest.fixture
def model(spec, stir) -> Track:
    torch.manual_seed(0)
    module = Track(spec, hidden=8).eval()
    stir(module, 0.3)
    return module


@pytest.mark.parametrize("velocity", [False, True])
def test_parameters_are_those_of_the_layers(spec, velocity):
    hidden, flat = 256, GRID[0] * GRID[1] + 1

    def lstm(features):
        return 4 * hidden * (features + hidden + 2)

    heads = lstm(6 if velocity else 3) + lstm(3)
    expected = heads + 2 * lstm(flat) + 2 * lstm(2 * hidden) + 3 * hidden + 3
    assert Track(spec, velocity=velocity).parameter_count == expected


def test_the_map_of_every_moment_matters(model, spec, make_window):
    window = make_window(spec, maps=3)
    steps = torch.zeros_like(window.saliency_index)
    before = model(window._replace(saliency_index=steps))
    for moment in range(steps.shape[1]):
        changed = steps.clone()
        changed[:, moment] = 1
        after = model(window._replace(saliency_index=changed))
        moved = great_circle_distance(after, before) > 1e-6
        first = max(0, moment - spec.history_steps)
        assert moved[:, first:].any(), moment
        assert not moved[:, :first].any(), "a map shows what comes after it, nothing before"


def test_no_map_differs_from_an_empty_one(model, spec, make_window):
    window = make_window(spec, maps=2)
    empty = window._replace(
        saliency_maps=torch.zeros_like(window.saliency_maps),
        saliency_index=torch.zeros_like(window.saliency_index),
    )
    none = empty._replace(saliency_index=torch.full_like(window.saliency_index, -1))
    assert great_circle_distance(model(empty), model(none)).max() > 1e-4


def test_between_two_horizons_the_map_of_the_earlier_one_is_used(make_spec):
    model = Track(make_spec(saliency_view="maps", history_steps=8, horizon_steps=(2, 3, 5)))
    assert model._column_of_step() == [7, 8, 9, 9, 10]
