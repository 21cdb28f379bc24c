"""STAR-VP and MUSE-VP from the window to the prediction, one layer after the other.

Blocks of the attention, LSTMs and what is read of the streams have tests of their own and are
called; how they are put together is written out, in float64, a step of a window at a time.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from vpnet.dataset.window import ViewportWindow
from vpnet.models.muse_vp import MuseVP
from vpnet.models.star_vp import StarVP, StarVPNetwork
from vpnet.models.streams import eye_features, held_gaze, mean_face

OFF = {"eye_lstm": False, "eye_spatial": False, "face_gating": False, "user_embed": False}
SWITCHES = {
    "single": {"eye_lstm": True},
    "dual": {"eye_lstm": True, "lstm": "dual"},
    "concat": {"eye_spatial": True},
    "add": {"eye_spatial": True, "eye_spatial_mode": "add"},
    "face": {"face_gating": True},
    "user": {"user_embed": True},
    "all": {"eye_lstm": True, "eye_spatial": True, "face_gating": True, "user_embed": True},
}
HISTORY, HORIZONS, HIDDEN = 8, (1, 3, 5), 16
MOMENTS = (*range(1 - HISTORY, 1), *HORIZONS)
FACE_STEPS = 3
"""0.5 s at 5 Hz: at the anchor, and 0.2 and 0.4 s before it."""


class Written(NamedTuple):
    """What a trace says of a prediction."""

    recurrent: Tensor
    attentive: Tensor
    weights: Tensor
    mixed: Tensor


def through(layer: nn.Module, values: Tensor) -> Tensor:
    return values @ layer.get_parameter("weight").T + layer.get_parameter("bias")


def positions() -> Tensor:
    """Of the steps in time: the last horizons are further apart than the history's steps."""
    moments = torch.tensor(MOMENTS, dtype=torch.float64)
    place = 2 * (moments - moments[0]) / (moments[-1] - moments[0]) - 1
    angles = math.pi * place[:, None] * torch.linspace(1, 20, HIDDEN // 4, dtype=torch.float64)
    return torch.cat((place[:, None], angles.sin(), angles.cos()), dim=1)


def start(model: StarVP | MuseVP, window: ViewportWindow) -> tuple[Tensor, Tensor] | None:
    """The LSTM's state before the history: a matrix of its own for each state and layer."""
    if not isinstance(model, MuseVP) or model.user is None or model.start is None:
        return None
    user = model.user.embedding.weight[window.user_index]
    matrices, biases = model.start.weight.split(HIDDEN), model.start.bias.split(HIDDEN)
    said = [torch.tanh(user @ w.T + b) for w, b in zip(matrices, biases, strict=True)]
    return torch.stack(said[:2]), torch.stack(said[2:])


def joined(layer: nn.Module, eyes: Tensor, step: int, head: Tensor) -> Tensor:
    return through(layer, torch.cat((head, eyes), dim=1))


def recurrent(model: StarVP | MuseVP, window: ViewportWindow) -> Tensor:
    network, read, join = model.network, window.history_directions, None
    if isinstance(model, MuseVP) and model.reads_eyes:
        eyes = eye_features(window)
        if model.eye_encoder is None or network.join is None:
            read = torch.cat((read, eyes), dim=2)
        else:
            join = partial(joined, network.join, model.eye_encoder(eyes)[1][0][1])
    anchor = window.history_directions[:, -1]
    path = network.recurrent(read, anchor, HORIZONS[-1], start(model, window), join)
    return torch.stack([path[:, step - 1] for step in HORIZONS], dim=1)


def encoded_points(network: StarVPNetwork, window: ViewportWindow) -> list[Tensor]:
    """Of each map; at the end the vector of no map."""
    spatial, encoded = network.spatial, []
    for points in window.saliency_points:
        tokens = through(spatial.point, points).unsqueeze(0)
        for block in spatial.encoder:
            tokens = block(tokens, tokens)
        encoded.append(tokens)
    return [*encoded, spatial.absence.reshape(1, 1, -1)]


def seen(model: StarVP | MuseVP, viewpoint: Tensor, gaze: Tensor, encoded: Tensor) -> Tensor:
    """Feature of the viewpoint at one step of one window."""
    spatial = model.network.spatial
    token = torch.cat((viewpoint, spatial.viewpoint_mark))
    if isinstance(model, MuseVP) and model.sees_gaze and model.gaze is None:
        token = torch.cat((token, gaze))
    query = through(spatial.viewpoint, token)
    if isinstance(model, MuseVP) and model.gaze is not None:
        query = query + through(model.gaze, gaze)
    query = query.reshape(1, 1, -1)
    for block in spatial.decoder:
        query = block(query, encoded)
    return query[0, 0]


def attentive(model: StarVP | MuseVP, window: ViewportWindow, path: Tensor) -> Tensor:
    """P'': what the steps to come learn of the viewpoints and the saliency of all steps."""
    network, temporal, moments = model.network, model.network.temporal, positions()
    gaze, encoded = held_gaze(window, len(HORIZONS)), encoded_points(network, window)
    predicted = []
    for row, viewpoints in enumerate(path):
        tokens: list[list[Tensor]] = [[], []]
        for step, viewpoint in enumerate(viewpoints):
            context = encoded[window.saliency_index[row, step]]  # -1 is the last: no map
            features = (seen(model, viewpoint, gaze[row, step], context), context[0].mean(dim=0))
            for modality, feature in enumerate(features):
                parts = (feature, moments[step], temporal.modality[modality])
                tokens[modality].append(torch.cat(parts))
        context = torch.stack(tokens[0] + tokens[1]).unsqueeze(0)
        for block in temporal.encoder:
            context = block(context, context)
        state = torch.stack([torch.cat((moment, temporal.query)) for moment in moments[HISTORY:]])
        state = state.unsqueeze(0)
        for block in temporal.decoder:
            state = block(state, context)
        predicted.append(through(network.output, state[0]))
    return torch.stack(predicted)


def written_out(model: StarVP | MuseVP, window: ViewportWindow) -> Written:
    network = model.network
    first = recurrent(model, window)
    path = torch.cat((window.history_directions, first), dim=1)
    second = attentive(model, window, path)
    read = [first[:, step] for step in range(3)] + [second[:, step] for step in range(3)]
    if isinstance(model, MuseVP) and model.face is not None:
        read.append(through(model.face[0], mean_face(window, FACE_STEPS)).clamp(min=0))
    hidden = through(network.gate[0], torch.cat(read, dim=1)).clamp(min=0)
    weights = 1 / (1 + torch.exp(-through(network.gate[2], hidden)))
    share = weights[:, :, None]
    return Written(first, second, weights, share * first + (1 - share) * second)


def check(model: StarVP | MuseVP, window: ViewportWindow) -> None:
    kept = model.network.temporal.positions
    torch.testing.assert_close(kept, positions(), rtol=0, atol=1e-5)
    kept.copy_(positions())  # they are made in float32
    trace, expected = model.trace(window), written_out(model, window)
    assert ((expected.weights > 0.01) & (expected.weights < 0.99)).all(), "both are heard"
    mixed = trace.training_output.directions
    found = Written(trace.recurrent, trace.attentive, trace.weights, mixed)
    for name, value in expected._asdict().items():
        torch.testing.assert_close(
            getattr(found, name), value, rtol=0, atol=1e-10, msg=lambda text, n=name: f"{n}: {text}"
        )
    unit = expected.mixed / expected.mixed.square().sum(dim=-1, keepdim=True).sqrt()
    torch.testing.assert_close(trace.directions, unit, rtol=0, atol=1e-10)


@pytest.fixture
def make_scene(make_spec, make_window, stir):
    """Function that makes a model off its start, in float64, and windows with and without maps."""

    def make(kind: type[StarVP] | type[MuseVP], **options: Any):
        spec = make_spec(saliency_view="points", history_steps=HISTORY, horizon_steps=HORIZONS)
        torch.manual_seed(0)
        model = kind(spec, hidden=HIDDEN, **options).double().eval()
        stir(model)
        window = make_window(spec, batch=2, dtype=torch.float64)
        assert {-1, 0, 1} == set(window.saliency_index.flatten().tolist())
        return model, window

    return make


@torch.no_grad()
def test_star_vp_is_its_layers_in_the_paper_s_order(make_scene):
    check(*make_scene(StarVP, mlp_ratio=2))


@pytest.mark.parametrize("name", SWITCHES)
@torch.no_grad()
def test_each_switch_of_muse_vp_joins_where_it_should(make_scene, name):
    check(*make_scene(MuseVP, **(OFF | SWITCHES[name])))
