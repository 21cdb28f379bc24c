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


def block(asking: int, asked: int) -> int:
    """Three norms, query and output, key and value, a network of two layers."""
    norms = 2 * asking + 2 * asked + 2 * asking
    attention = 2 * linear(asking, asking) + 2 * linear(asked, asking)
    return norms + attention + 2 * linear(asking, asking)


def recurrent(head: int) -> int:
    return lstm(head, WIDTH) + lstm(3, WIDTH) + linear(WIDTH, 3)


def spatial() -> int:
    """Viewpoints with their mark, points, two blocks for each, what stands for no map."""
    return linear(4, WIDTH) + 1 + linear(4, WIDTH) + 4 * block(WIDTH, WIDTH) + WIDTH


def temporal() -> int:
    """A vector for each modality and one for those who ask."""
    return 2 * block(TOKEN, TOKEN) + 2 * block(QUERY, TOKEN) + 3 * LEARNED


def crowd(width: int = 64, heads: int = 4) -> int:
    """What a viewer's path, and three means of nearness, become; who asks; who is asked."""
    path = linear(4 * (STEPS + HORIZONS) + 3, width) + linear(width, width)
    asking = HORIZONS * QUERY + linear(QUERY, width)
    asked = 2 * width * width + 6 * width + width
    return path + asking + asked + linear(width + 6 * heads, QUERY)


@pytest.mark.parametrize(
    ("options", "head", "more"),
    [({}, 3, 0), ({"velocity": True}, 6, 0), ({"crowd": True}, 3, crowd())],
)
def test_the_whole_is_as_large_as_its_formula(options, head, more, make_spec):
    gate = linear(2 * 3 * HORIZONS, 128) + linear(128, HORIZONS)
    expected = recurrent(head) + spatial() + temporal() + linear(QUERY, 3) + gate + more
    model = StarVP(make_spec(saliency_view="points"), **options)
    assert model.parameter_count == expected
