"""MUSE-VP's switches: each works alone, and all off is STAR-VP."""

import pytest
import torch

from vpnet.models.muse_vp import MuseVP
from vpnet.models.star_vp import StarVP

OFF = {"eye_lstm": False, "eye_spatial": False, "face_gating": False, "user_embed": False}
SWITCHES = {
    "single": {"eye_lstm": True},
    "dual": {"eye_lstm": True, "lstm": "dual"},
    "concat": {"eye_spatial": True},
    "add": {"eye_spatial": True, "eye_spatial_mode": "add"},
    "face": {"face_gating": True},
    "user": {"user_embed": True},
}
HIDDEN = 16
CELL = 4 * (256 * 256 + 256 * 256 + 2 * 256)
ADDED = {
    "single": 4 * 8 * 256,
    "dual": 4 * (8 * 256 + 256 * 256 + 2 * 256) + CELL + 512 * 256 + 256,
    "concat": 3 * 256,
    "add": 3 * 256 + 256,
    "face": 2 * 16 + 16 + 16 * 128,
    "user": 5 * 32 + 32 * 4 * 256 + 4 * 256,
}
"""Parameters that a switch adds, with 2 face features and 4 users."""


@pytest.fixture
def spec(make_spec):
    return make_spec(saliency_view="points")


@pytest.fixture
def make_muse(spec, stir):
    """Function that makes a model with some switches on, off its start."""

    def make(name, spec=spec):
        torch.manual_seed(0)
        model = MuseVP(spec, hidden=HIDDEN, **(OFF | SWITCHES[name])).eval()
        stir(model)
        return model

    return make


@pytest.mark.parametrize(
    "options",
    [{}, {"velocity": True}, {"crowd": True, "reconstruct_past": True, "mlp_ratio": 2}]
    + [{"reconstruct_past": True, "dropout": 0.5}],
)
@pytest.mark.parametrize("training", [False, True])
def test_with_every_switch_off_it_is_star_vp_bit_for_bit(
    spec, make_window, stir, training, options
):
    torch.manual_seed(0)
    published = StarVP(spec, hidden=HIDDEN, **options).train(training)
    muse = MuseVP(spec, hidden=HIDDEN, **options, **OFF).train(training)
    stir(published)
    assert muse.load_state_dict(published.state_dict()).missing_keys == []
    window = make_window(spec)

    def outputs(model):
        torch.manual_seed(1)  # drops the same
        trace = model.trace(window)
        return (*trace[:4], *trace.training_output, trace.crowd_weights)

    for found, expected in zip(outputs(muse), outputs(published), strict=True):
        assert (found is expected is None) or torch.equal(found, expected)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_adds_its_layers_and_no_others(spec, name):
    off = MuseVP(spec, **OFF).parameter_count
    assert MuseVP(spec, **(OFF | SWITCHES[name])).parameter_count - off == ADDED[name]


def changed_streams(model, window):
    """Which parts of the window the prediction depends on."""
    before = model(window)
    others = {
        "eye": {
            "gaze_directions": window.gaze_directions.roll(1, -1),
            "gaze_offset_deg": window.gaze_offset_deg + 5,
        },
        "face": {"face": 1 - window.face},
        "user": {"user_index": (window.user_index + 1) % 5},
    }
    return {
        name
        for name, values in others.items()
        if not torch.equal(model(window._replace(**values)), before)
    }


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_reads_its_stream_and_no_other(make_muse, spec, make_window, name):
    reads = {"face": "face", "user": "user"}.get(name, "eye")
    assert changed_streams(make_muse(name), make_window(spec)) == {reads}


@pytest.mark.parametrize("name", ["concat", "add"])
def test_the_gaze_of_steps_to_come_is_the_last_known_one(make_muse, spec, make_window, name):
    """What is held must be the last measured gaze, not the first or a lost one."""
    model, window = make_muse(name), make_window(spec, lost_share=0.0)
    lost = window.gaze_valid.clone()
    lost[:, -1] = False
    before = model.trace(window._replace(gaze_valid=lost)).attentive
    gaze = window.gaze_directions.clone()
    gaze[:, -1] = torch.nan
    torch.testing.assert_close(
        model.trace(window._replace(gaze_valid=lost, gaze_directions=gaze)).attentive, before
    )
    gaze = window.gaze_directions.clone()
    gaze[:, -2] = gaze[:, -2].roll(1, -1)
    after = model.trace(window._replace(gaze_valid=lost, gaze_directions=gaze)).attentive
    assert not torch.equal(after, before)


def test_only_the_face_just_before_the_anchor_is_averaged(make_muse, spec, make_window):
    """At most 0.5 s before the anchor, at 5 Hz, are the last three steps."""
    model, window = make_muse("face"), make_window(spec, lost_share=0.0)
    for step, matters in ((-1, True), (-3, True), (-4, False)):
        face = window.face.clone()
        face[:, step] = 1 - face[:, step]
        same = torch.equal(model(window._replace(face=face)), model(window))
        assert same != matters


def test_the_user_sets_the_state_before_the_history(make_muse, spec, make_window):
    model, window = make_muse("user"), make_window(spec)
    hidden, cell = model._initial_state(window)
    assert hidden.shape == cell.shape == (2, 6, HIDDEN)
    user = model.user(window.user_index)
    initial = torch.tanh(user @ model.start.weight.T + model.start.bias)
    assert (initial.abs() > 0.1).any()
    for layer, columns in enumerate(initial[:, : 2 * HIDDEN].split(HIDDEN, dim=1)):
        torch.testing.assert_close(hidden[layer], columns)
    for layer, columns in enumerate(initial[:, 2 * HIDDEN :].split(HIDDEN, dim=1)):
        torch.testing.assert_close(cell[layer], columns)
    torch.nn.init.zeros_(model.start.weight)
    torch.nn.init.zeros_(model.start.bias)
    off = MuseVP(spec, hidden=HIDDEN, **OFF).eval()
    off.network.load_state_dict(model.network.state_dict())
    torch.testing.assert_close(model(window), off(window))


def test_streams_that_the_data_lack_are_left_out_and_named(make_spec):
    spec = make_spec(saliency_view="points", has_gaze=False, has_face=False, has_saliency=False)
    model = MuseVP(spec, hidden=HIDDEN, user_embed=False)
    assert model.absent_streams() == ["saliency", "eye", "face"]
    bare = MuseVP(spec, hidden=HIDDEN, **OFF)
    assert model.parameter_count == bare.parameter_count
    assert bare.absent_streams() == ["saliency"]
