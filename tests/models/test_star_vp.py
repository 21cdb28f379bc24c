"""STAR-VP's parts, its gate, and what it depends on."""

import pytest
import torch

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.models.star_vp import StarVP


@pytest.fixture
def spec(make_spec):
    """Function that describes windows with salient points for every step."""
    return lambda **arguments: make_spec(saliency_view="points", **arguments)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_every_part_has_the_published_size(spec):
    network = StarVP(spec(history_steps=15, horizon_steps=tuple(range(1, 26)))).network
    assert count(network.gate) == 22_553
    cell = 4 * (256 * 256 + 256 * 256 + 2 * 256)
    first = 4 * (3 * 256 + 256 * 256 + 2 * 256)
    assert count(network.recurrent) == 2 * (first + cell) + 3 * 256 + 3
    assert count(network.output) == 3 * 256 + 3
    parts = (network.recurrent, network.spatial, network.temporal, network.output, network.gate)
    assert count(network) == sum(map(count, parts))
    assert [block.mlp[1].out_features for block in network.temporal.encoder] == [512, 512]
    assert {block.heads for block in (*network.spatial.encoder, *network.temporal.decoder)} == {8}


def test_the_two_predictions_are_mixed_step_by_step(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec()).eval()
    stir(model)
    trace = model.trace(make_window(model.spec))
    share = trace.weights.unsqueeze(-1)
    assert ((trace.weights > 0) & (trace.weights < 1)).all()
    mixed = share * trace.recurrent + (1 - share) * trace.attentive
    torch.testing.assert_close(trace.directions, normalize(mixed))
    torch.testing.assert_close(trace.answer.directions, mixed)
    torch.testing.assert_close(trace.recurrent.norm(dim=-1), torch.ones_like(trace.weights))


def test_the_gate_reads_both_predictions(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec()).double().eval()
    stir(model)
    trace = model.trace(make_window(model.spec, dtype=torch.float64))
    both = torch.cat((trace.recurrent.flatten(1), trace.attentive.flatten(1)), dim=1)
    first, second = model.network.gate[0], model.network.gate[2]
    hidden = (both @ first.weight.T + first.bias).clamp(min=0)
    assert (hidden == 0).any()
    assert (hidden > 0).any()
    expected = 1 / (1 + torch.exp(-(hidden @ second.weight.T + second.bias)))
    torch.testing.assert_close(trace.weights, expected)


def test_the_gate_decides_between_them(spec, make_window, stir):
    model = StarVP(spec()).eval()
    stir(model)
    window = make_window(model.spec)
    for bias, chosen in ((40.0, "recurrent"), (-40.0, "attentive")):
        torch.nn.init.constant_(model.network.gate[2].bias, bias)
        trace = model.trace(window)
        expected = normalize(getattr(trace, chosen))
        assert great_circle_distance(trace.directions, expected).max() < 1e-3


def test_the_recurrent_prediction_sees_no_saliency(spec, make_window, stir):
    model = StarVP(spec()).eval()
    stir(model)
    window = make_window(model.spec)
    other = window._replace(saliency_points=window.saliency_points.roll(1, dims=2))
    before, after = model.trace(window), model.trace(other)
    assert torch.equal(after.recurrent, before.recurrent)
    assert not torch.equal(after.attentive, before.attentive)


def test_the_history_is_told_again_only_in_training(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), reconstruct_past=True, dropout=0.0)
    stir(model)
    window = make_window(model.spec)
    telling, predicting = model.train().trace(window), model.eval().trace(window)
    for name in ("directions", "recurrent", "attentive", "weights"):
        torch.testing.assert_close(getattr(telling, name), getattr(predicting, name))
    torch.testing.assert_close(telling.answer.directions, predicting.answer.directions)
    assert telling.answer.history is not None
    assert predicting.answer.history is None
    assert StarVP(spec()).train().answer(window).history is None


def test_what_is_told_is_the_history_and_then_the_horizons(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), reconstruct_past=True, dropout=0.0).train()
    stir(model)
    window = make_window(model.spec)
    trace, network = model.trace(window), model.network
    path = torch.cat((window.history_directions, trace.recurrent), dim=1)
    seen = network.spatial(path, window.saliency_points, window.saliency_index)
    told = network.output(network.temporal(seen.viewpoint, seen.saliency, first_asked=0))
    assert (told.diff(dim=1).abs().amax(dim=2) > 1e-3).all(), "no step is told as its neighbour"
    torch.testing.assert_close(trace.answer.history, told[:, :8])
    torch.testing.assert_close(trace.attentive, told[:, 8:])


def test_the_crowd_joins_where_it_is_asked(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), crowd=True).eval()
    stir(model)
    window = make_window(model.spec)
    trace = model.trace(window)
    assert trace.crowd_weights is not None
    assert trace.crowd_weights.shape == (6, 3, 5)
    moved = window._replace(crowd_directions=window.crowd_directions.roll(1, dims=3))
    assert great_circle_distance(model(moved), trace.directions).max() > 1e-4
    assert model.absent_streams(spec(has_crowd=False)) == ["crowd"]


def test_the_crowd_changes_the_horizons_and_not_the_history_told_again(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), crowd=True, reconstruct_past=True, dropout=0.0).train()
    stir(model)
    crowded = make_window(model.spec)
    alone = crowded._replace(crowd_valid=torch.zeros_like(crowded.crowd_valid))
    with_others, without = model.trace(crowded), model.trace(alone)
    torch.testing.assert_close(with_others.answer.history, without.answer.history, rtol=0, atol=0)
    moved = (with_others.attentive - without.attentive).abs().amax(dim=2)
    assert (moved > 1e-3).all(), "every horizon"
    torch.testing.assert_close(with_others.attentive, model.eval().trace(crowded).attentive)
