"""Weights go only into the network that they are of, whatever device it is on."""

import pytest
import torch

from vpnet.checkpoints.checkpoint import check_weights
from vpnet.dataset.window import WindowSpec
from vpnet.errors import InputError
from vpnet.models.all_models import MODELS
from vpnet.models.baselines import Static
from vpnet.models.lstm import LSTM

SPEC = WindowSpec(
    5,
    history_steps=6,
    horizon_steps=(1, 5),
    users=3,
    face_features=2,
    has_gaze=True,
    has_face=True,
    has_saliency=True,
    has_crowd=True,
    answers=2,
    has_answers=True,
)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_its_shapes_without_memory_and_without_a_draw(name):
    """Else a file could decide how much is taken, or reading one change what is drawn next."""
    model = MODELS[name]
    whole = model(SPEC)
    before = torch.get_rng_state()
    with torch.device("meta"):
        shapes = model(SPEC)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(value.is_meta for value in shapes.state_dict().values())
    check_weights(shapes, whole.state_dict(), name)
    check_weights(whole, whole.state_dict(), name)


def test_what_differs_is_named():
    lstm, weights = LSTM(SPEC, hidden=8, layers=1), LSTM(SPEC, hidden=16, layers=1).state_dict()
    with pytest.raises(InputError, match=r"holds a lstm .* this LSTM: 9 tensors differ, the first"):
        check_weights(lstm, weights, "lstm")
    with pytest.raises(InputError, match=r"expected none, found \(64,\) of torch.float32"):
        check_weights(Static(SPEC), weights, "lstm")
    with pytest.raises(InputError, match=r"expected \(32,\) of torch.float32, found none"):
        check_weights(lstm, {}, "lstm")


def test_half_precision_fits_and_double_does_not():
    lstm = LSTM(SPEC, hidden=8, layers=1)
    weights = lstm.state_dict()
    check_weights(lstm, {name: value.bfloat16() for name, value in weights.items()}, "lstm")
    with pytest.raises(InputError, match="found .* of torch.float64"):
        check_weights(lstm, {name: value.double() for name, value in weights.items()}, "lstm")
