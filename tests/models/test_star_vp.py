"""STAR-VP's parts and their sizes, its gate, and what it depends on."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.models.star_vp import (
    PerceiverBlock,
    SpatialAttention,
    StarVP,
    TemporalAttention,
    fourier_positions,
)


@pytest.fixture
def block(stir) -> PerceiverBlock:
    torch.manual_seed(0)
    module = PerceiverBlock(16, 24, heads=4, mlp_ratio=2).double().eval()
    stir(module, 0.3)
    return module


def block_written_out(block, query, context):
    """The block with torch's own multi-head attention, from its definition."""
    attention = nn.MultiheadAttention(16, 4, kdim=24, vdim=24, batch_first=True).double()
    with torch.no_grad():
        attention.q_proj_weight.copy_(block.query.weight)
        attention.k_proj_weight.copy_(block.key.weight)
        attention.v_proj_weight.copy_(block.value.weight)
        biases = (block.query.bias, block.key.bias, block.value.bias)
        attention.in_proj_bias.copy_(torch.cat(biases))
        attention.out_proj.weight.copy_(block.output.weight)
        attention.out_proj.bias.copy_(block.output.bias)
    keys = block.norm_key(context)
    query = query + attention(block.norm_query(query), keys, keys, need_weights=False)[0]
    norm, widen, gelu, narrow = block.mlp
    return query + narrow(gelu(widen(norm(query))))


def test_a_block_is_what_it_is_defined_to_be(block):
    query, context = torch.randn(3, 5, 16).double(), torch.randn(3, 7, 24).double()
    expected = block_written_out(block, query, context)
    torch.testing.assert_close(block(query, context), expected, atol=1e-10, rtol=0)


def test_shared_sets_are_projected_once(block):
    query, context = torch.randn(4, 5, 16).double(), torch.randn(2, 7, 24).double()
    context_row = torch.tensor([1, 0, 1, 1])
    expected = block(query, context[context_row])
    torch.testing.assert_close(block(query, context, context_row), expected, atol=1e-12, rtol=0)


def test_without_a_context_the_mlp_works_alone(block):
    query = torch.randn(2, 3, 16).double()
    torch.testing.assert_close(block(query, None), query + block.mlp(query))


@pytest.mark.parametrize("mlp_ratio", [1, 4])
def test_a_block_is_as_large_as_its_layers(mlp_ratio):
    query, key = 32, 48
    norms = 2 * query + 2 * key + 2 * query
    attention = 2 * (query * query + query) + 2 * (key * query + query)
    hidden = mlp_ratio * query
    mlp = query * hidden + hidden + hidden * query + query
    block = PerceiverBlock(query, key, mlp_ratio=mlp_ratio)
    assert sum(p.numel() for p in block.parameters()) == norms + attention + mlp


def test_positions_run_from_minus_one_to_one():
    positions = fourier_positions(torch.arange(-14, 26))
    assert positions.shape == (40, 129)
    torch.testing.assert_close(positions[:, 0], torch.linspace(-1, 1, 40))
    frequencies = torch.linspace(1, 20, 64)
    angle = math.pi * frequencies[10] * positions[7, 0]
    torch.testing.assert_close(positions[7, [11, 75]], torch.stack((angle.sin(), angle.cos())))


def test_uneven_steps_stand_where_they_are_in_time():
    positions = fourier_positions(torch.tensor([-2, -1, 0, 6]))
    torch.testing.assert_close(positions[:, 0], torch.tensor([-1.0, -0.75, -0.5, 1.0]))


WIDTH = 16


@pytest.fixture
def attention(stir) -> SpatialAttention:
    torch.manual_seed(0)
    module = SpatialAttention(True, WIDTH, heads=4).double().eval()
    stir(module, 0.2)
    return module


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Path (5, 7, 3), points of three maps (3, 9, 4), and the map of each step."""
    generator = torch.Generator().manual_seed(0)
    path = normalize(torch.randn(5, 7, 3, generator=generator).double())
    points = torch.randn(3, 9, 4, generator=generator).double()
    return path, points, torch.randint(-1, 3, (5, 7), generator=generator)


def test_the_viewpoint_attends_to_the_encoded_points(attention, scene):
    """The layers in the paper's order, a step of a window at a time."""
    path, points, steps = scene
    found = attention(path, points, steps)
    for window, step in (steps >= 0).nonzero().tolist():
        encoded = linear(points[steps[window, step]], attention.point.weight, attention.point.bias)
        encoded = encoded.unsqueeze(0)
        for block in attention.encoder:
            encoded = block(encoded, encoded)
        token = torch.cat((path[window, step], attention.viewpoint_mark)).reshape(1, 1, 4)
        query = linear(token, attention.viewpoint.weight, attention.viewpoint.bias)
        for block in attention.decoder:
            query = block(query, encoded)
        torch.testing.assert_close(found.viewpoint[window, step], query[0, 0])
        torch.testing.assert_close(found.saliency[window, step], encoded[0].mean(dim=0))


def test_sharing_maps_gives_the_numbers_of_encoding_each_step_by_itself(attention, scene):
    path, points, steps = scene
    shared = attention(path, points, steps)
    for window in range(5):
        for step in range(7):
            number = int(steps[window, step])
            alone = attention(
                path[window : window + 1, step : step + 1],
                points[number : number + 1] if number >= 0 else points[:0],
                torch.tensor([[min(number, 0)]]),
            )
            for found, expected in zip(shared, alone, strict=True):
                torch.testing.assert_close(found[window, step], expected[0, 0], atol=1e-10, rtol=0)


def test_each_distinct_map_is_encoded_once(attention, scene):
    path, points, steps = scene
    encoded = []
    attention.encoder[0].register_forward_pre_hook(lambda _, given: encoded.append(len(given[0])))
    attention(path, points, steps)
    assert encoded == [3], "of 35 steps"


def test_no_step_knows_of_another(attention, scene):
    path, points, steps = scene
    before = attention(path, points, steps)
    path = path.clone()
    path[2, 3] = -path[2, 3]
    after = attention(path, points, steps)
    moved = (after.viewpoint != before.viewpoint).any(dim=-1)
    assert moved[2, 3]
    assert moved.sum() == 1
    assert torch.equal(after.saliency, before.saliency)


def test_the_order_of_the_points_does_not_matter(attention, scene):
    path, points, steps = scene
    expected = attention(path, points, steps)
    found = attention(path, points.flip(1), steps)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_a_map_without_viewers_does_not_matter(attention, scene):
    path, points, steps = scene
    expected = attention(path, points, steps)
    more = torch.cat((points, 9 * torch.ones_like(points[:2])))
    for one, other in zip(attention(path, more, steps), expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_the_spatial_attention_is_as_large_as_its_layers():
    width, extra = 256, 3
    block = 6 * width + 4 * (width * width + width) + 2 * (width * width + width)
    viewpoint, mark = (4 + extra) * width + width, 1
    points = 4 * width + width + 2 * block + width

    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(SpatialAttention(True, width, extra)) == viewpoint + mark + 2 * block + points
    blind = SpatialAttention(False, width)
    assert count(blind) == 4 * width + width + 1 + 2 * block


STEPS = torch.arange(-14, 26)


@pytest.mark.parametrize("has_saliency", [True, False])
def test_only_the_predicted_steps_have_a_state(has_saliency):
    torch.manual_seed(0)
    module = TemporalAttention(STEPS, has_saliency, width=WIDTH).eval()
    viewpoint = torch.randn(2, 40, WIDTH)
    saliency = torch.randn(2, 40, WIDTH) if has_saliency else None
    every = module(viewpoint, saliency, 0)
    assert every.shape == (2, 40, WIDTH)
    torch.testing.assert_close(module(viewpoint, saliency, 15), every[:, 15:])


@pytest.mark.parametrize("has_saliency", [True, False])
def test_tokens_know_their_moment_and_modality_and_queries_their_moment(has_saliency, stir):
    """The tokens and queries of the paper, written out; positions of 40 steps from -1 to 1."""
    torch.manual_seed(0)
    module = TemporalAttention(STEPS, has_saliency, width=WIDTH).double().eval()
    stir(module, 0.2)
    features = [torch.randn(2, 40, WIDTH).double() for _ in range(1 + has_saliency)]
    place = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    angle = math.pi * torch.linspace(1, 20, WIDTH // 4, dtype=torch.float64) * place
    moment = torch.cat((place, angle.sin(), angle.cos()), dim=1)
    torch.testing.assert_close(module.positions, moment, rtol=0, atol=1e-5)
    moment = module.positions  # made in float32

    tokens = torch.cat(
        [
            torch.cat((feature, moment.expand(2, -1, -1), learned.expand(2, 40, -1)), dim=2)
            for feature, learned in zip(features, module.modality, strict=True)
        ],
        dim=1,
    )
    for block in module.encoder:
        tokens = block(tokens, tokens)
    query = torch.stack([torch.cat((moment[step], module.query)) for step in range(15, 40)])
    query = query.expand(2, -1, -1)
    for block in module.decoder:
        query = block(query, tokens)
    found = module(features[0], features[1] if has_saliency else None, first_query=15)
    torch.testing.assert_close(found, query)


@pytest.mark.parametrize("which", ["viewpoint", "saliency"])
def test_every_step_of_both_is_heard(which, stir):
    module = TemporalAttention(STEPS, True, width=WIDTH).eval()
    stir(module)
    given = {"viewpoint": torch.randn(1, 40, WIDTH), "saliency": torch.randn(1, 40, WIDTH)}
    before = module(**given, first_query=15)
    for step in (0, 14, 15, 39):
        changed = given[which].clone()
        changed[:, step] += 1
        assert not torch.equal(module(**(given | {which: changed}), first_query=15), before)


def test_the_temporal_attention_is_as_large_as_its_layers():
    token, query = 512, 256

    def block(query, context):
        norms = 2 * query + 2 * context + 2 * query
        attention = 2 * (query * query + query) + 2 * (context * query + query)
        return norms + attention + 2 * (query * query + query)

    expected = 2 * block(token, token) + 2 * block(query, token) + 3 * 127
    module = TemporalAttention(STEPS, True)
    assert sum(p.numel() for p in module.parameters()) == expected


HIDDEN = 16


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
    model = StarVP(spec(), hidden=HIDDEN).eval()
    stir(model)
    trace = model.trace(make_window(model.spec))
    share = trace.weights.unsqueeze(-1)
    assert ((trace.weights > 0) & (trace.weights < 1)).all()
    mixed = share * trace.recurrent + (1 - share) * trace.attentive
    torch.testing.assert_close(trace.directions, normalize(mixed))
    torch.testing.assert_close(trace.training_output.directions, mixed)
    torch.testing.assert_close(trace.recurrent.norm(dim=-1), torch.ones_like(trace.weights))


def test_the_gate_reads_both_predictions(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), hidden=HIDDEN).double().eval()
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
    model = StarVP(spec(), hidden=HIDDEN).eval()
    stir(model)
    window = make_window(model.spec)
    for bias, chosen in ((40.0, "recurrent"), (-40.0, "attentive")):
        torch.nn.init.constant_(model.network.gate[2].bias, bias)
        trace = model.trace(window)
        expected = normalize(getattr(trace, chosen))
        assert great_circle_distance(trace.directions, expected).max() < 1e-3


def test_the_recurrent_prediction_sees_no_saliency(spec, make_window, stir):
    model = StarVP(spec(), hidden=HIDDEN).eval()
    stir(model)
    window = make_window(model.spec)
    other = window._replace(saliency_points=window.saliency_points.roll(1, dims=2))
    before, after = model.trace(window), model.trace(other)
    assert torch.equal(after.recurrent, before.recurrent)
    assert not torch.equal(after.attentive, before.attentive)


def test_the_history_is_reconstructed_only_in_training(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), hidden=HIDDEN, reconstruct_past=True, dropout=0.0)
    stir(model)
    window = make_window(model.spec)
    reconstructing, predicting = model.train().trace(window), model.eval().trace(window)
    for name in ("directions", "recurrent", "attentive", "weights"):
        torch.testing.assert_close(getattr(reconstructing, name), getattr(predicting, name))
    torch.testing.assert_close(
        reconstructing.training_output.directions, predicting.training_output.directions
    )
    assert reconstructing.training_output.reconstructed_history is not None
    assert predicting.training_output.reconstructed_history is None
    assert (
        StarVP(spec(), hidden=HIDDEN).train().training_output(window).reconstructed_history is None
    )


def test_the_output_is_the_history_and_then_the_horizons(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), hidden=HIDDEN, reconstruct_past=True, dropout=0.0).train()
    stir(model)
    window = make_window(model.spec)
    trace, network = model.trace(window), model.network
    path = torch.cat((window.history_directions, trace.recurrent), dim=1)
    seen = network.spatial(path, window.saliency_points, window.saliency_index)
    output = network.output(network.temporal(seen.viewpoint, seen.saliency, first_query=0))
    assert (output.diff(dim=1).abs().amax(dim=2) > 1e-3).all(), "every step has its own output"
    torch.testing.assert_close(trace.training_output.reconstructed_history, output[:, :8])
    torch.testing.assert_close(trace.attentive, output[:, 8:])


def test_the_crowd_changes_the_prediction(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), hidden=HIDDEN, crowd=True).eval()
    stir(model)
    window = make_window(model.spec)
    trace = model.trace(window)
    assert trace.crowd_weights is not None
    assert trace.crowd_weights.shape == (6, 3, 5)
    moved = window._replace(crowd_directions=window.crowd_directions.roll(1, dims=3))
    assert great_circle_distance(model(moved), trace.directions).max() > 1e-4
    assert model.absent_streams(spec(has_crowd=False)) == ["crowd"]


def test_the_crowd_changes_the_horizons_and_not_the_reconstructed_history(spec, make_window, stir):
    torch.manual_seed(0)
    model = StarVP(spec(), hidden=HIDDEN, crowd=True, reconstruct_past=True, dropout=0.0).train()
    stir(model)
    crowded = make_window(model.spec)
    alone = crowded._replace(crowd_valid=torch.zeros_like(crowded.crowd_valid))
    with_others, without = model.trace(crowded), model.trace(alone)
    found, expected = (
        trace.training_output.reconstructed_history for trace in (with_others, without)
    )
    assert torch.equal(found, expected)
    moved = (with_others.attentive - without.attentive).abs().amax(dim=2)
    assert (moved > 1e-3).all(), "every horizon"
    torch.testing.assert_close(with_others.attentive, model.eval().trace(crowded).attentive)
