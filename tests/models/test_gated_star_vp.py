import pytest
import torch

from vpnet.models.gated_star_vp import GatedStarVP
from vpnet.models.star_vp import StarVP
from vpnet.models.streams import eye_features


@pytest.fixture
def spec(make_spec):
    return make_spec(saliency_view="points")


@pytest.fixture
def model(spec, stir) -> GatedStarVP:
    torch.manual_seed(0)
    module = GatedStarVP(spec, width=8, hidden=16).eval()
    stir(module, 0.3)
    return module


def test_weights_are_shares_of_what_was_measured(model, spec, make_window):
    window = make_window(spec)
    gates = model.trace(window).gates
    assert list(gates) == ["head", "eye", "face"]
    total = torch.stack(list(gates.values())).sum(0)
    torch.testing.assert_close(total, torch.ones(6, 8))
    assert (gates["eye"][~window.gaze_valid] == 0).all()
    assert (gates["face"][~window.face_valid] == 0).all()
    assert (gates["eye"][window.gaze_valid] > 0).all()


def path_of(model, window, read):
    """The LSTM's directions at the horizons where it reads some history."""
    steps = model.spec.horizon_steps
    path = model.network.recurrent(read, window.history_directions[:, -1], steps[-1])
    return path[:, [step - 1 for step in steps]]


def test_the_lstm_reads_the_weighted_sum(model, spec, make_window):
    window = make_window(spec, lost_share=0.0)
    head, eye, face = (
        model.encoders["head"](window.history_directions),
        model.encoders["eye"](eye_features(window)),
        model.encoders["face"](window.face),
    )
    weights = model.weigh(torch.cat((head, eye, face), dim=2)).softmax(dim=2)
    assert (weights.diff(dim=2).abs().mean(dim=(0, 1)) > 0.1).all(), "they differ"
    trace = model.trace(window)
    for column, name in enumerate(("head", "eye", "face")):
        torch.testing.assert_close(trace.gates[name], weights[..., column])
    of_head, of_eye, of_face = weights.split(1, dim=2)
    read = of_head * head + of_eye * eye + of_face * face
    torch.testing.assert_close(trace.network.recurrent, path_of(model, window, read))


def test_with_nothing_else_measured_the_head_alone_is_read(model, spec, make_window):
    window = make_window(spec)
    nothing = torch.zeros_like(window.gaze_valid)
    trace = model.trace(window._replace(gaze_valid=nothing, face_valid=nothing))
    assert (trace.gates["head"] == 1).all()
    read = model.encoders["head"](window.history_directions)
    torch.testing.assert_close(trace.network.recurrent, path_of(model, window, read))


@pytest.mark.parametrize(("velocity", "head"), [(False, 3), (True, 6)])
def test_parameters_are_those_of_the_layers(spec, make_window, velocity, head):
    width, units = 64, 256
    encoders = sum(n * width + width + width * width + width for n in (head, 8, 2))
    weigh = 3 * width * 3 + 3
    wider = 4 * units * (width - 3)
    published = StarVP(spec).parameter_count
    model = GatedStarVP(spec, velocity=velocity)
    assert model.parameter_count == published + encoders + weigh + wider
    assert model(make_window(spec)).isfinite().all()


def test_streams_that_the_data_lack_have_no_weight(make_spec, make_window):
    spec = make_spec(saliency_view="points", has_gaze=False)
    model = GatedStarVP(spec, hidden=16)
    assert list(model.trace(make_window(spec)).gates) == ["head", "face"]
    assert model.absent_streams() == ["eye"]
