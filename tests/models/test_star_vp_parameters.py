"""STAR-VP as a whole is as large as its layers: sums written out."""

import pytest

from vpnet.models.star_vp import StarVP

STEPS, HORIZONS = 8, 3
WIDTH = 256
POSITION, LEARNED = 129, 127
QUERY = POSITION + LEARNED
TOKEN = WIDTH + QUERY


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def lstm(inputs: int, hidden: int) -> int:
    """Two layers; four gates, each with two matrices and two biases."""
    return sum(4 * hidden * (features + hidden + 2) for features in (inputs, hidden))


def block(query: int, key: int) -> int:
    """Three norms, query and output, key and value, a network of two layers."""
    norms = 2 * query + 2 * key + 2 * query
    attention = 2 * linear(query, query) + 2 * linear(key, query)
    return norms + attention + 2 * linear(query, query)


def recurrent(head: int) -> int:
    return lstm(head, WIDTH) + lstm(3, WIDTH) + linear(WIDTH, 3)


def spatial() -> int:
    """Viewpoints with their mark, points, two blocks for each, the vector of no map."""
    return linear(4, WIDTH) + 1 + linear(4, WIDTH) + 4 * block(WIDTH, WIDTH) + WIDTH


def temporal() -> int:
    """A vector for each modality and one for the queries."""
    return 2 * block(TOKEN, TOKEN) + 2 * block(QUERY, TOKEN) + 3 * LEARNED


def crowd(width: int = 64, heads: int = 4) -> int:
    """What a viewer's path, and three means of nearness, become; query; keys and values."""
    path = linear(4 * (STEPS + HORIZONS) + 3, width) + linear(width, width)
    query = HORIZONS * QUERY + linear(QUERY, width)
    key = 2 * width * width + 6 * width + width
    return path + query + key + linear(width + 6 * heads, QUERY)


@pytest.mark.parametrize(
    ("options", "head", "more"),
    [({}, 3, 0), ({"velocity": True}, 6, 0), ({"crowd": True}, 3, crowd())],
)
def test_the_whole_is_as_large_as_its_formula(options, head, more, make_spec):
    gate = linear(2 * 3 * HORIZONS, 128) + linear(128, HORIZONS)
    expected = recurrent(head) + spatial() + temporal() + linear(QUERY, 3) + gate + more
    model = StarVP(make_spec(saliency_view="points"), **options)
    assert model.parameter_count == expected
