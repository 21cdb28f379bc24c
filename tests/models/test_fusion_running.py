"""The fusion model: its personalised maps, and that it learns, exports and compiles."""

import math
import shutil
from typing import Any

import pytest
import torch

from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import great_circle_distance, normalize
from vpnet.geometry.equirectangular import solid_angle_weights
from vpnet.models.fusion import Fusion


def test_the_map_is_a_density_and_zero_without_a_map(make_fusion, make_window):
    model = make_fusion(query="saliency")
    window = make_window(model.spec)._replace(
        saliency_index=torch.tensor([[0, 1], [1, 1], [-1, 0], [0, 0], [1, 0], [-1, -1]])
    )
    trace = model.trace(window)
    assert trace.saliency.shape == (6, 2, 14, 28)
    assert torch.equal(trace.directions, model(window))
    mass = (trace.saliency * solid_angle_weights(14, 28)).sum(dim=(2, 3))
    torch.testing.assert_close(mass, (window.saliency_index >= 0).float())
    assert model.trace(make_window(model.spec, maps=0)).saliency.eq(0).all()


def test_there_is_a_personal_map_only_with_query_saliency(make_fusion, make_spec, make_window):
    for model in (make_fusion(), make_fusion(make_spec(has_saliency=False), query="saliency")):
        assert model.trace(make_window(model.spec)).saliency is None


def test_the_map_is_the_users_own(make_fusion, make_window):
    model = make_fusion(query="saliency")
    window = make_window(model.spec)._replace(saliency_index=torch.zeros(6, 2, dtype=torch.long))
    of_users = [
        model.trace(window._replace(user_index=torch.full((6,), user))).saliency for user in (1, 2)
    ]
    assert (of_users[0] != of_users[1]).flatten(1).any(dim=1).all()
    one_person = window._replace(user_index=torch.ones(6, dtype=torch.long))
    looking = model.trace(one_person).saliency
    assert len(looking.flatten(1).unique(dim=0)) == 6, "what they do matters as well"


@pytest.mark.parametrize("tokens", [1, -9, 14])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
@pytest.mark.parametrize("query", ["trajectory", "saliency"])
def test_turning_everything_turns_the_prediction_and_the_map(
    query, encoder, tokens, make_fusion, make_window, stir, turn
):
    """A map of 56 x 112 has four columns a token, at every layer a whole number."""
    model = make_fusion(query=query, encoder=encoder)
    stir(model.saliency_attention, 0.2)
    stir(model.saliency_encoder, 0.2)
    row, column = torch.meshgrid(torch.arange(56), torch.arange(112), indexing="ij")
    spots = [
        30 * torch.exp(-((row - 23) ** 2 + ((column - at + 56) % 112 - 56) ** 2) / 50)
        for at in (19, 90)
    ]
    window = make_window(model.spec)._replace(
        saliency_maps=torch.stack(spots),
        saliency_index=torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1], [-1, -1], [0, 0]]),
    )
    angle_rad = tokens / 28 * 2 * math.pi
    turned = window._replace(
        history_directions=turn(window.history_directions, angle_rad),
        gaze_directions=turn(window.gaze_directions, angle_rad),
    )
    before = model.trace(window)
    expected = turn(before.directions, angle_rad)
    left_behind_rad = great_circle_distance(model(turned), expected)[
        window.saliency_index[:, 0] >= 0
    ]
    assert left_behind_rad.max() > 3e-3, "the map matters"
    after = model.trace(turned._replace(saliency_maps=window.saliency_maps.roll(4 * tokens, -1)))
    assert great_circle_distance(after.directions, expected).max() < 1e-4
    if query == "saliency":
        rolled = before.saliency.roll(tokens, dims=-1)
        assert before.saliency[0, 0].std() > 0.05
        torch.testing.assert_close(after.saliency, rolled, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("arguments", [{"has_gaze": False}, {"has_face": False}])
def test_streams_that_the_data_lack_are_left_out(
    arguments: dict[str, Any], make_spec, make_fusion, make_window
):
    model: Fusion = make_fusion(make_spec(**arguments), query="saliency")
    window: ViewportWindow = make_window(model.spec)
    assert set(model.saliency_attention.streams) == set(model.streams)
    assert model.trace(window).saliency.isfinite().all()


def test_every_parameter_learns_with_query_saliency(make_fusion, make_window):
    model: Fusion = make_fusion(query="saliency").train()
    window: ViewportWindow = make_window(model.spec, batch=32)
    great_circle_distance(model(window), window.future_directions).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("query", ["trajectory", "saliency"])
def test_each_horizon_attends_to_the_map_nearest_to_it(query, make_fusion, make_window):
    model: Fusion = make_fusion(query=query)
    window: ViewportWindow = make_window(model.spec)
    both = window._replace(saliency_index=torch.zeros(6, 2, dtype=torch.long))
    for column in (0, 1):
        index = both.saliency_index.clone()
        index[:, column] = 1
        moved = (model(both) != model(both._replace(saliency_index=index))).any(dim=-1)
        attends = torch.tensor(model.spec.map_of_horizon) == column
        assert moved[:, attends].all()
        assert not moved[:, ~attends].any()


QUERIES = ["trajectory", "saliency"]


@pytest.mark.parametrize("query", QUERIES)
def test_it_learns_a_batch_by_heart(query, make_spec, make_window):
    torch.manual_seed(0)
    spec = make_spec()
    model = Fusion(spec, width=64, query=query, dropout=0.0, stream_dropout=0.0, unknown_share=0.0)
    window = make_window(spec, batch=8)
    # Futures that the history does not tell, 30 degrees away on average.
    aside = make_window(spec, batch=8, seed=1).history_directions[:, :3]
    future = normalize(window.history_directions[:, -1:] + 0.7 * aside)

    def error_deg() -> torch.Tensor:
        return torch.rad2deg(great_circle_distance(model(window), future)).mean()

    assert error_deg() > 20
    steps = 100
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        error = error_deg()
        if error < 0.9:
            break
        error.backward()
        optimizer.step()
        scheduler.step()
    assert error_deg() < 1


@pytest.mark.parametrize(("query", "encoder"), [("trajectory", "gru"), ("saliency", "transformer")])
def test_it_exports(query, encoder, make_fusion, make_window):
    model = make_fusion(query=query, encoder=encoder, crowd=True)
    window = make_window(model.spec)
    program = torch.export.export(model, (window,))
    other = make_window(model.spec, seed=1)
    # The guards' own code breaks where one field's name begins another's (face, face_valid).
    exported = program.module(check_guards=False)
    torch.testing.assert_close(exported(other), model(other), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("query", QUERIES)
def test_it_compiles(query, make_fusion, make_window):
    model = make_fusion(query=query)
    window = make_window(model.spec)
    compiled = torch.compile(model)
    torch.testing.assert_close(compiled(window), model(window), rtol=0, atol=1e-5)


@pytest.mark.parametrize("encoder", ["gru", "transformer"])
@pytest.mark.parametrize("query", QUERIES)
def test_half_precision_says_nearly_the_same(query, encoder, make_fusion, make_window):
    model = make_fusion(query=query, encoder=encoder)
    window = make_window(model.spec)
    whole = model.trace(window)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model.trace(window)
        error_rad = great_circle_distance(half.directions, whole.directions)
        error_rad.mean().backward()
    assert half.directions.dtype == torch.float32
    assert torch.rad2deg(error_rad.max()) < 2.5
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    if query == "saliency":
        assert half.saliency.dtype == torch.float32
        mass = (half.saliency * solid_angle_weights(14, 28)).sum(dim=(2, 3))
        torch.testing.assert_close(mass, (window.saliency_index >= 0).float())
        torch.testing.assert_close(half.saliency, whole.saliency, rtol=0.1, atol=0.02)
