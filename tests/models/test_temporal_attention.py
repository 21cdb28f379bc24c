import pytest
import torch

from vpnet.models.temporal_attention import TemporalAttention

STEPS = torch.arange(-14, 26)


@pytest.mark.parametrize("has_saliency", [True, False])
def test_only_the_steps_asked_for_are_answered(has_saliency):
    torch.manual_seed(0)
    module = TemporalAttention(STEPS, has_saliency, width=8).eval()
    viewpoint = torch.randn(2, 40, 8)
    saliency = torch.randn(2, 40, 8) if has_saliency else None
    every = module(viewpoint, saliency, 0)
    assert every.shape == (2, 40, 256)
    torch.testing.assert_close(module(viewpoint, saliency, 15), every[:, 15:])


@pytest.mark.parametrize("which", ["viewpoint", "saliency"])
def test_every_step_of_both_is_heard(which, stir):
    module = TemporalAttention(STEPS, True, width=8).eval()
    stir(module)
    given = {"viewpoint": torch.randn(1, 40, 8), "saliency": torch.randn(1, 40, 8)}
    before = module(**given, first_asked=15)
    for step in (0, 14, 15, 39):
        changed = given[which].clone()
        changed[:, step] += 1
        assert not torch.equal(module(**(given | {which: changed}), first_asked=15), before)


def test_parameters_are_those_of_the_layers():
    token, query = 512, 256

    def block(asking, asked):
        norms = 2 * asking + 2 * asked + 2 * asking
        attention = 2 * (asking * asking + asking) + 2 * (asked * asking + asking)
        return norms + attention + 2 * (asking * asking + asking)

    expected = 2 * block(token, token) + 2 * block(query, token) + 3 * 127
    module = TemporalAttention(STEPS, True)
    assert sum(p.numel() for p in module.parameters()) == expected
