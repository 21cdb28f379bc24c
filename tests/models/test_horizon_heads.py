import torch

from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.tangent import from_tangent
from vpnet.models.horizon_heads import HorizonHeads


def test_it_is_one_small_network_per_horizon(stir, make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3, hidden=7).eval()
    stir(heads, 0.3)
    state = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    predicted = heads(state, center)
    for horizon in range(3):
        rows = slice(7 * horizon, 7 * (horizon + 1))
        hidden = torch.nn.functional.gelu(
            state @ heads.first.weight[rows].T + heads.first.bias[rows]
        )
        offset_rad = hidden @ heads.second[horizon] + heads.bias[horizon]
        expected = from_tangent(center, offset_rad)
        assert great_circle_distance(predicted[:, horizon], expected).max() < 1e-5


def test_it_starts_at_the_viewport_centre(make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3)
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    predicted = heads(torch.randn(5, 12), center)
    assert great_circle_distance(predicted, center.unsqueeze(1)).max() < 1e-6


def test_dropout_is_for_training_only(stir, make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3, dropout=0.5)
    stir(heads, 0.3)
    state = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    assert not torch.equal(heads(state, center), heads(state, center))
    heads.eval()
    assert torch.equal(heads(state, center), heads(state, center))


def test_half_precision_ends_before_the_sphere(stir, make_spec, make_window):
    heads = HorizonHeads(state_width=12, horizons=3).eval()
    stir(heads, 0.3)
    state = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    center = make_window(make_spec(), batch=5).history_directions[:, -1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        predicted = heads(state, center)
    assert predicted.dtype == torch.float32
    lengths = torch.linalg.vector_norm(predicted, dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert great_circle_distance(predicted, heads(state, center)).max() < 0.05
