"""Every layer of the fusion model has the size it should have: sums written out."""

import pytest

from vpnet.models.fusion import Fusion

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
    nobody = Fusion(make_spec(), user_embed=False).parameter_count
    assert base - nobody == (4 + 1) * USER + sum(USER * width for width in HIDDEN.values())


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
