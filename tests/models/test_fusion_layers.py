"""Layers of the fusion model and their sizes: sums written out."""

import pytest
import torch
from torch import nn

from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.tangent import from_tangent
from vpnet.models.fusion import Fusion, HorizonHeads, StreamEncoder

HISTORY = 9


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(4, HISTORY, 3, generator=torch.Generator().manual_seed(0))


def make_encoder(projection: str, encoder: str, stir) -> StreamEncoder:
    module = StreamEncoder(3, 8, 16, HISTORY, projection, encoder).eval()
    stir(module, 0.1)
    return module


@pytest.mark.parametrize("projection", ["linear", "conv"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_steps_become_one_vector(projection, encoder, features, stir):
    module = make_encoder(projection, encoder, stir)
    valid = torch.ones(4, HISTORY, dtype=torch.bool)
    encoded = module(features, valid)
    assert encoded.shape == (4, 16)
    for step in range(HISTORY):
        moved = features.clone()
        moved[:, step] += 1.0
        assert (module(moved, valid) != encoded).any(dim=1).all(), "every step is read"
    backwards = module(features.flip(1), valid)
    assert (backwards != encoded).any(), "in order"


@pytest.mark.parametrize("projection", ["linear", "conv"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_nothing_measured_gives_zero(projection, encoder, features, stir):
    valid = torch.ones(4, HISTORY, dtype=torch.bool)
    valid[2] = False
    encoded = make_encoder(projection, encoder, stir)(features * valid.unsqueeze(-1), valid)
    assert (encoded[2] == 0).all()
    assert (encoded[[0, 1, 3]] != 0).any(dim=1).all()
    assert encoded.isfinite().all()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_transformer_ignores_lost_steps(features, stir, training):
    module = make_encoder("linear", "transformer", stir)
    for dropout in module.modules():
        if isinstance(dropout, nn.Dropout):
            dropout.p = 0.0
    # Dropout of the attention weights is no module.
    for attention in module.modules():
        if isinstance(attention, nn.MultiheadAttention):
            attention.dropout = 0.0
    module.train(training)
    valid = torch.ones(4, HISTORY, dtype=torch.bool)
    valid[:, [0, 3, 4]] = False
    encoded = module(features, valid)
    other = features.clone()
    other[:, [0, 3, 4]] = 50.0
    torch.testing.assert_close(module(other, valid), encoded)
    seen = features.clone()
    seen[:, 5] += 1.0
    assert (module(seen, valid) - encoded).abs().max() > 1e-3


def test_it_is_one_small_network_per_horizon(stir, make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3, hidden=7).eval()
    stir(heads, 0.3)
    state = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    predicted = heads(state, center)
    for horizon in range(3):
        rows = slice(7 * horizon, 7 * (horizon + 1))
        hidden = torch.nn.functional.gelu(
            state @ heads.first.weight[rows].T + heads.first.bias[rows]
        )
        offset_rad = hidden @ heads.second[horizon] + heads.bias[horizon]
        expected = from_tangent(center, offset_rad)
        assert great_circle_distance(predicted[:, horizon], expected).max() < 1e-5


def test_it_starts_at_the_viewport_centre(make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3)
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    predicted = heads(torch.randn(5, 12), center)
    assert great_circle_distance(predicted, center.unsqueeze(1)).max() < 1e-6


def test_dropout_is_for_training_only(stir, make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3, dropout=0.5)
    stir(heads, 0.3)
    state = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    assert not torch.equal(heads(state, center), heads(state, center))
    heads.eval()
    assert torch.equal(heads(state, center), heads(state, center))


def test_half_precision_ends_before_the_sphere(stir, make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3).eval()
    stir(heads, 0.3)
    state = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        predicted = heads(state, center)
    assert predicted.dtype == torch.float32
    lengths = torch.linalg.vector_norm(predicted, dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert great_circle_distance(predicted, heads(state, center)).max() < 0.05


HIDDEN = {"head": 128, "eye": 128, "offset": 64, "face": 32}
PROJECTED = {"head": (6, 32), "eye": (5, 32), "offset": (3, 16), "face": (2, 16)}
USER = 64
STATE = 256
TOKEN = 128


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def gru(inputs: int, hidden: int) -> int:
    """Three gates, each with two matrices and two biases."""
    return 3 * (inputs * hidden + hidden * hidden + 2 * hidden)


def transformer(inputs: int, hidden: int, steps: int) -> int:
    """Widening, class token, positions, two layers, a last norm."""
    attention = 4 * linear(hidden, hidden)
    feed_forward = linear(hidden, 2 * hidden) + linear(2 * hidden, hidden)
    layer = attention + feed_forward + 2 * (2 * hidden)
    return linear(inputs, hidden) + hidden + steps * hidden + 2 * layer + 2 * hidden


def encoders(encoder: str, projection: str) -> int:
    total = 0
    for name, (features, width) in PROJECTED.items():
        kernel = 3 if projection == "conv" else 1
        total += kernel * features * width + width + 2 * width
        if encoder == "gru":
            total += gru(width, HIDDEN[name])
        else:
            total += transformer(width, HIDDEN[name], steps=8)
    return total


ATTENTION = {
    # What tells horizons apart; position, query and output of the state, key and value of tokens;
    # how far each head trusts the map.
    "trajectory": (
        3 * STATE + linear(3, TOKEN) + 2 * linear(STATE, STATE) + 2 * linear(TOKEN, STATE) + 4
    ),
    "saliency": (
        # The streams' projections and the vector of each modality; position.
        sum(HIDDEN.values()) * TOKEN
        + 4 * TOKEN
        + linear(3, TOKEN)
        # Query, value, output; the key without a bias; norm; density without a last bias; pooling.
        + 3 * linear(TOKEN, TOKEN)
        + TOKEN * TOKEN
        + 2 * TOKEN
        + linear(TOKEN, TOKEN // 2)
        + TOKEN // 2
        + linear(TOKEN + 3, STATE)
    ),
}


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
@pytest.mark.parametrize("projection", ["linear", "conv"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_parts_are_as_large_as_their_formulas(encoder, projection, query, make_spec):
    """Eight steps of history, three horizons, four users, two features of the face."""
    model = Fusion(make_spec(), encoder=encoder, projection=projection, query=query)
    expected = {
        "encoders": encoders(encoder, projection),
        "user": (4 + 1) * USER,
        "gates": sum(linear(width + USER, width) for width in HIDDEN.values()),
        "trajectory": linear(128 + 128 + 64 + 32, 512) + linear(512, STATE),
        "saliency_encoder": linear(9, 32) + linear(9 * 32, 64) + linear(9 * 64, TOKEN),
        "saliency_attention": ATTENTION[query],
        "norm": 2 * STATE,
        "heads": 3 * (linear(STATE, 128) + linear(128, 2)),
    }
    found = dict.fromkeys(expected, 0)
    for name, parameter in model.named_parameters():
        found[name.split(".")[0]] += parameter.numel()
    assert found == expected
    assert model.parameter_count == sum(expected.values())


def test_answers_and_users_cost_what_they_should(make_spec):
    """Three answers, each with whether it was given."""
    base = Fusion(make_spec()).parameter_count
    answered = Fusion(make_spec(), questionnaire=True).parameter_count
    assert answered - base == linear(2 * 3 + USER, USER) + linear(USER, USER)
    without_users = Fusion(make_spec(), user_embed=False).parameter_count
    assert base - without_users == (4 + 1) * USER + sum(USER * width for width in HIDDEN.values())


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
def test_what_the_data_lack_costs_nothing(query, make_spec):
    base = Fusion(make_spec(), query=query)
    without_face = Fusion(make_spec(has_face=False), query=query)
    difference = base.parameter_count - without_face.parameter_count
    expected = linear(2, 16) + 2 * 16 + gru(16, 32) + linear(32 + USER, 32)
    if query == "saliency":
        expected += 32 * TOKEN + TOKEN
    assert difference == expected
    assert not [
        name
        for name, _ in Fusion(make_spec(has_saliency=False), query=query).named_parameters()
        if "saliency" in name
    ]
