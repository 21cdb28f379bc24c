import math

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


@pytest.mark.parametrize("has_saliency", [True, False])
def test_tokens_know_their_moment_and_modality_and_queries_their_moment(has_saliency, stir):
    """The tokens and queries of the paper, written out; positions of 40 steps from -1 to 1."""
    torch.manual_seed(0)
    module = TemporalAttention(STEPS, has_saliency, width=8).double().eval()
    stir(module, 0.2)
    features = [torch.randn(2, 40, 8).double() for _ in range(1 + has_saliency)]
    place = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    angle = math.pi * torch.linspace(1, 20, 64, dtype=torch.float64) * place
    moment = torch.cat((place, angle.sin(), angle.cos()), dim=1)
    torch.testing.assert_close(module.positions, moment, rtol=0, atol=1e-5)
    moment = module.positions  # made in float32

    tokens = torch.cat(
        [
            torch.cat((feature, moment.expand(2, -1, -1), learned.expand(2, 40, -1)), dim=2)
            for feature, learned in zip(features, module.modality, strict=True)
        ],
        dim=1,
    )
    for block in module.encoder:
        tokens = block(tokens, tokens)
    asking = torch.stack([torch.cat((moment[step], module.asking)) for step in range(15, 40)])
    asking = asking.expand(2, -1, -1)
    for block in module.decoder:
        asking = block(asking, tokens)
    found = module(features[0], features[1] if has_saliency else None, first_asked=15)
    torch.testing.assert_close(found, asking)


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
