import math
from functools import partial

import pytest
import torch

from vpnet.geometry.tangent import tangent_axes
from vpnet.models.crowd_attention import CrowdAttention
from vpnet.models.fusion import Fusion
from vpnet.models.lstm import LSTM


@pytest.fixture
def attention(make_spec, stir) -> CrowdAttention:
    torch.manual_seed(0)
    module = CrowdAttention(make_spec(), state_width=16, width=8, heads=2).eval()
    stir(module, 0.3)
    return module


@pytest.fixture
def state() -> torch.Tensor:
    return torch.randn(6, 16, generator=torch.Generator().manual_seed(0))


def test_weights_are_shares_of_the_viewers_present(attention, make_spec, make_window, state):
    window = make_window(make_spec())
    context = attention(state, attention.read(window))
    assert context.values.shape == (6, 3, 16)
    assert context.weights.shape == (6, 3, 5)
    there = window.crowd_valid[:, :, 8:].transpose(1, 2)
    assert (context.weights[~there] == 0).all()
    assert (context.weights[there] > 0).all()
    assert (context.weights.sum(-1) < 1).all(), "no viewer has a share too"


def test_absent_viewers_do_not_matter(attention, make_spec, make_window, state):
    window = make_window(make_spec())
    hidden = ~window.crowd_valid.unsqueeze(-1)
    assert hidden.any()
    expected = attention(state, attention.read(window))
    elsewhere = window.crowd_directions.masked_fill(hidden, torch.nan)
    found = attention(state, attention.read(window._replace(crowd_directions=elsewhere)))
    assert torch.equal(found.values, expected.values)
    assert torch.equal(found.weights, expected.weights)


def test_the_order_of_the_viewers_does_not_matter(attention, make_spec, make_window, state):
    window = make_window(make_spec())
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = window._replace(
        crowd_directions=window.crowd_directions[:, order],
        crowd_valid=window.crowd_valid[:, order],
    )
    first, second = (attention(state, attention.read(w)) for w in (window, turned))
    torch.testing.assert_close(second.values, first.values)
    torch.testing.assert_close(second.weights, first.weights[..., order])


@pytest.mark.parametrize("viewers", [0, 3])
def test_without_viewers_the_context_is_zero(attention, make_spec, make_window, state, viewers):
    window = make_window(make_spec(), viewers=viewers)
    window = window._replace(crowd_valid=torch.zeros_like(window.crowd_valid))
    context = attention(state, attention.read(window))
    assert (context.values == 0).all()
    assert context.weights.sum() == 0


def test_every_step_may_have_its_own_state(attention, make_spec, make_window, state):
    memory = attention.read(make_window(make_spec()))
    each = torch.stack((state, state + 1, state - 1), dim=1)
    together = attention(each, memory).values
    for step, alone in enumerate((state, state + 1, state - 1)):
        torch.testing.assert_close(together[:, step], attention(alone, memory).values[:, step])


@pytest.mark.parametrize("in_world", [True, False])
def test_attending_at_one_horizon_gives_the_context_of_all_there(
    in_world, make_spec, make_window, state, stir
):
    torch.manual_seed(0)
    module = CrowdAttention(make_spec(), 16, in_world=in_world, width=8, heads=2)
    stir(module, 0.3)
    window = make_window(make_spec(), lost_share=0.4)
    there = window.crowd_valid.clone()
    there[0, :, 9] = False
    memory = module.read(window._replace(crowd_valid=there))
    every = module(state, memory).values
    assert (every[0].abs().amax(dim=1) > 0).tolist() == [True, False, True]
    assert (every[1:].diff(dim=1).abs().amax(dim=2) > 1e-2).all(), "horizons differ"
    for column in range(3):
        torch.testing.assert_close(module.attend_at(column, state, memory), every[:, column])


def test_turning_everything_about_the_vertical_changes_nothing(
    attention, make_spec, make_window, state, turn
):
    window = make_window(make_spec())
    turned = window._replace(
        history_directions=turn(window.history_directions, 2.0),
        crowd_directions=turn(window.crowd_directions, 2.0),
    )
    expected = attention(state, attention.read(window)).values
    torch.testing.assert_close(
        attention(state, attention.read(turned)).values, expected, atol=1e-5, rtol=1e-4
    )


def test_parameters_are_those_of_the_layers(make_spec):
    state, width, heads, steps, horizons = 256, 64, 4, 8, 3
    path = (4 * (steps + horizons) + 3) * width + width + width * width + width
    query = horizons * state + state * width + width + width
    memory = 2 * width * width + 6 * width
    output = (width + 6 * heads) * state + state
    module = CrowdAttention(make_spec(), state)
    assert sum(p.numel() for p in module.parameters()) == path + query + memory + output


@pytest.mark.parametrize("in_world", [True, False])
def test_where_the_others_look_is_given_in_the_chosen_axes(in_world, make_spec, make_window, state):
    window = make_window(make_spec())
    torch.manual_seed(0)
    module = CrowdAttention(make_spec(), 16, in_world=in_world, width=8, heads=1)
    with torch.no_grad():
        module.output.weight.zero_()
        module.output.bias.zero_()
        module.output.weight[:3, 8:11] = torch.eye(3)
    found = module(state, module.read(window))
    expected = torch.einsum("bsc,bcsx->bsx", found.weights, window.crowd_directions[:, :, 8:])
    if not in_world:
        center = window.history_directions[:, -1]
        expected = expected @ torch.stack((*tangent_axes(center), center), dim=-1)
    torch.testing.assert_close(found.values[..., :3], expected)


@pytest.mark.parametrize(
    "make", [partial(Fusion, width=64, user_embed=False, dropout=0.0), partial(LSTM, hidden=64)]
)
def test_a_model_learns_to_follow_the_crowd(make, make_spec, make_window):
    """Everyone will look where the only other viewer does, which the past does not tell."""
    spec = make_spec(has_gaze=False, has_face=False, has_saliency=False)
    window = make_window(spec, batch=64, viewers=1, lost_share=0.0)
    future = window.history_directions[:, -1:] + 0.3 * torch.randn(
        64, 3, 3, generator=torch.Generator().manual_seed(3)
    )
    future = torch.nn.functional.normalize(future, dim=-1)
    crowd = torch.cat((window.crowd_directions[:, 0, :8], future), dim=1).unsqueeze(1)
    torch.manual_seed(0)
    model = make(spec, crowd=True)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    window = window._replace(crowd_directions=crowd)
    for _ in range(150):
        optimizer.zero_grad()
        error = torch.acos((model(window) * future).sum(-1).clamp(max=1 - 1e-6)).mean()
        if math.degrees(float(error.detach())) < 2.9:
            break
        error.backward()
        optimizer.step()
    assert math.degrees(float(error.detach())) < 3
