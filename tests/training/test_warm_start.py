"""A trained LSTM becomes that of a large network, or is refused."""

import dataclasses
from pathlib import Path

import pytest
import torch

from vpnet.errors import InputError
from vpnet.models.gated_star_vp import GatedStarVP
from vpnet.models.lstm import LSTM
from vpnet.models.muse_vp import MuseVP
from vpnet.models.star_vp import StarVP
from vpnet.training.checkpoint import Checkpoint
from vpnet.training.warm_start import start_from_lstm

TEST = [("S09", "film")]


@pytest.fixture
def spec(data):
    return dataclasses.replace(data.spec, has_saliency=False)


@pytest.fixture
def lstm(spec) -> LSTM:
    """Off its start."""
    torch.manual_seed(0)
    model = LSTM(spec)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model


@pytest.fixture
def checkpoint(lstm, spec) -> Checkpoint:
    return Checkpoint(
        path=Path("lstm.ckpt"),
        model={},
        task={},
        saliency=None,
        spec=spec,
        users=(),
        face_features=(),
        saliency_state={},
        crowd_state=None,
        weights=lstm.state_dict(),
        run={},
        trained_on=frozenset({("S01", "film")}),
    )


@pytest.fixture
def window(data):
    return data.val_windows[[0, 1, 2]]


def test_the_recurrent_prediction_is_that_of_the_lstm(lstm, checkpoint, spec, window):
    model = StarVP(spec, velocity=True).eval()
    before = model.trace(window).recurrent
    start_from_lstm(model, checkpoint, TEST)
    after = model.trace(window).recurrent
    torch.testing.assert_close(after, lstm(window))
    assert (after - before).abs().max() > 1e-3


def test_what_the_lstm_did_not_read_is_ignored_at_the_start(lstm, checkpoint, spec, window):
    spec = dataclasses.replace(spec, has_gaze=True)
    model = MuseVP(spec, velocity=True, user_embed=False).eval()
    start_from_lstm(model, checkpoint, TEST)
    torch.testing.assert_close(model.trace(window).recurrent, lstm(window))
    other = window._replace(
        gaze_directions=window.gaze_directions.roll(1, dims=2),
        gaze_valid=torch.ones_like(window.gaze_valid),
    )
    assert torch.equal(model.trace(other).recurrent, model.trace(window).recurrent)


@pytest.mark.parametrize(
    ("make", "changes", "test_keys", "message"),
    [
        (GatedStarVP, {}, TEST, "gated_star_vp has no LSTM that reads the head as it is"),
        (StarVP, {}, TEST, "does not fit the LSTM of star_vp; it must be of model=lstm with"),
        (StarVP, {"weights": {}}, TEST, "does not fit the LSTM of star_vp"),
        (StarVP, {}, [("S01", "film")], r"trained or validated on 1 of the 1 test recordings"),
    ],
)
def test_what_does_not_fit_is_refused(spec, checkpoint, make, changes, test_keys, message):
    checkpoint = dataclasses.replace(checkpoint, **changes)
    with pytest.raises(InputError, match=message):
        start_from_lstm(make(spec), checkpoint, test_keys)


def test_another_clock_is_refused(spec, checkpoint):
    other = dataclasses.replace(spec, sampling_rate_hz=2 * spec.sampling_rate_hz)
    with pytest.raises(InputError, match="use one task for both"):
        start_from_lstm(StarVP(other, velocity=True), checkpoint, TEST)
