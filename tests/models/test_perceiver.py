import math

import pytest
import torch
from torch import nn

from vpnet.models.perceiver import PerceiverBlock, fourier_positions


@pytest.fixture
def block(stir) -> PerceiverBlock:
    torch.manual_seed(0)
    module = PerceiverBlock(16, 24, heads=4, widening=2).double().eval()
    stir(module, 0.3)
    return module


def written_out(block, asking, asked):
    """The block with torch's own multi-head attention, from its definition."""
    attention = nn.MultiheadAttention(16, 4, kdim=24, vdim=24, batch_first=True).double()
    with torch.no_grad():
        attention.q_proj_weight.copy_(block.query.weight)
        attention.k_proj_weight.copy_(block.key.weight)
        attention.v_proj_weight.copy_(block.value.weight)
        biases = (block.query.bias, block.key.bias, block.value.bias)
        attention.in_proj_bias.copy_(torch.cat(biases))
        attention.out_proj.weight.copy_(block.output.weight)
        attention.out_proj.bias.copy_(block.output.bias)
    keys = block.norm_key(asked)
    asking = asking + attention(block.norm_query(asking), keys, keys, need_weights=False)[0]
    norm, widen, gelu, narrow = block.mlp
    return asking + narrow(gelu(widen(norm(asking))))


def test_a_block_is_what_it_is_defined_to_be(block):
    asking, asked = torch.randn(3, 5, 16).double(), torch.randn(3, 7, 24).double()
    expected = written_out(block, asking, asked)
    torch.testing.assert_close(block(asking, asked), expected, atol=1e-10, rtol=0)


def test_sets_that_several_ask_are_projected_once(block):
    asking, asked = torch.randn(4, 5, 16).double(), torch.randn(2, 7, 24).double()
    asked_by = torch.tensor([1, 0, 1, 1])
    expected = block(asking, asked[asked_by])
    torch.testing.assert_close(block(asking, asked, asked_by), expected, atol=1e-12, rtol=0)


def test_where_there_is_nothing_to_ask_the_network_works_alone(block):
    asking = torch.randn(2, 3, 16).double()
    torch.testing.assert_close(block(asking, None), asking + block.mlp(asking))


@pytest.mark.parametrize("widening", [1, 4])
def test_parameters_are_those_of_the_layers(widening):
    query, key = 32, 48
    norms = 2 * query + 2 * key + 2 * query
    attention = 2 * (query * query + query) + 2 * (key * query + query)
    hidden = widening * query
    mlp = query * hidden + hidden + hidden * query + query
    block = PerceiverBlock(query, key, widening=widening)
    assert sum(p.numel() for p in block.parameters()) == norms + attention + mlp


def test_positions_run_from_minus_one_to_one():
    positions = fourier_positions(torch.arange(-14, 26))
    assert positions.shape == (40, 129)
    torch.testing.assert_close(positions[:, 0], torch.linspace(-1, 1, 40))
    frequencies = torch.linspace(1, 20, 64)
    angle = math.pi * frequencies[10] * positions[7, 0]
    torch.testing.assert_close(positions[7, [11, 75]], torch.stack((angle.sin(), angle.cos())))


def test_uneven_steps_stand_where_they_are_in_time():
    positions = fourier_positions(torch.tensor([-2, -1, 0, 6]))
    torch.testing.assert_close(positions[:, 0], torch.tensor([-1.0, -0.75, -0.5, 1.0]))
