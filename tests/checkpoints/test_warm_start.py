"""A trained LSTM becomes that of a large network, or is refused."""

import dataclasses
from functools import partial
from pathlib import Path

import pytest
import torch

from vpnet.checkpoints.checkpoint import Checkpoint, read_lstm, start_from_lstm
from vpnet.errors import InputError
from vpnet.models.baselines import Static
from vpnet.models.fusion import Fusion
from vpnet.models.gated_star_vp import GatedStarVP
from vpnet.models.lstm import LSTM
from vpnet.models.muse_vp import MuseVP
from vpnet.models.star_vp import StarVP
from vpnet.saliency.crowd import Crowd
from vpnet.viewer_ids import KnownViewers, hash_of

OWN = [("S01", "film"), ("S02", "film")]


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
        users=KnownViewers.of([], b"salt"),
        face_features=(),
        saliency_state={},
        crowd_state=None,
        weights=lstm.state_dict(),
        run={},
        trained_on=frozenset({(hash_of("S01", b"salt").hex(), "film")}),
    )


@pytest.fixture
def window(data):
    return data.val_windows[[0, 1, 2]]


def test_the_recurrent_prediction_is_that_of_the_lstm(lstm, checkpoint, spec, window):
    model = StarVP(spec, velocity=True).eval()
    before = model.trace(window).recurrent
    start_from_lstm(model, checkpoint, OWN)
    after = model.trace(window).recurrent
    torch.testing.assert_close(after, lstm(window))
    assert (after - before).abs().max() > 1e-3


def test_what_the_lstm_did_not_read_is_ignored_at_the_start(lstm, checkpoint, spec, window):
    spec = dataclasses.replace(spec, has_gaze=True)
    model = MuseVP(spec, velocity=True, user_embed=False).eval()
    start_from_lstm(model, checkpoint, OWN)
    torch.testing.assert_close(model.trace(window).recurrent, lstm(window))
    other = window._replace(
        gaze_directions=window.gaze_directions.roll(1, dims=2),
        gaze_valid=torch.ones_like(window.gaze_valid),
    )
    assert torch.equal(model.trace(other).recurrent, model.trace(window).recurrent)


@pytest.mark.parametrize(
    ("make", "changes", "own_keys", "message"),
    [
        (GatedStarVP, {}, OWN, "only lstm, star_vp and muse_vp \(with lstm=single\) can start"),
        (partial(MuseVP, lstm="dual"), {}, OWN, "the model is muse_vp"),
        (
            partial(StarVP, velocity=False),
            {},
            OWN,
            r"of 256 units that read 6 numbers .* star_vp .*read 3 .*same model.velocity",
        ),
        (partial(LSTM, hidden=128), {}, OWN, "does not fit the LSTM of lstm"),
        # Not the test part alone: a viewer or a video of it would tell of the rest.
        (StarVP, {}, [("S01", "other")], "was trained or validated on 1 recordings that are not"),
    ],
)
def test_what_does_not_fit_is_refused(spec, checkpoint, make, changes, own_keys, message):
    checkpoint = dataclasses.replace(checkpoint, **changes)
    with pytest.raises(InputError, match=message):
        start_from_lstm(make(dataclasses.replace(spec, has_gaze=True)), checkpoint, own_keys)


def test_a_start_is_a_plain_lstm(lstm, data, make_module, quiet_trainer, change, tmp_path):
    def save(model, name, **settings):
        module, trainer = make_module(model, settings=settings), quiet_trainer()
        trainer.validate(module, datamodule=data, verbose=False)
        trainer.save_checkpoint(tmp_path / name, weights_only=False)
        return str(tmp_path / name)

    found = read_lstm(save(lstm, "lstm.ckpt"))
    assert found.weights.keys() == lstm.state_dict().keys()
    assert found.trained_on, "or nothing could be refused"
    with_crowd = LSTM(dataclasses.replace(data.spec, has_crowd=True), crowd=True)
    for model in (Static(data.spec), Fusion(data.spec)):
        with pytest.raises(InputError, match=r"must be of model=lstm with crowd=false, this is a"):
            read_lstm(save(model, "other.ckpt"))
    path = save(with_crowd, "crowd.ckpt", crowd=True)

    def add_crowd(content):
        content["vpnet"]["spec"]["has_crowd"] = True
        content["vpnet"]["crowd_state"] = Crowd().state()

    change(Path(path), add_crowd)
    with pytest.raises(InputError, match=r"must be of model=lstm with crowd=false, this is a"):
        read_lstm(path)


def test_another_clock_is_refused(spec, checkpoint):
    other = dataclasses.replace(spec, sampling_rate_hz=2 * spec.sampling_rate_hz)
    with pytest.raises(InputError, match="use one task for both"):
        start_from_lstm(StarVP(other, velocity=True), checkpoint, OWN)
