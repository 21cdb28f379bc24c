import pytest
import torch
from torch import nn

from vpnet.models.stream_encoder import StreamEncoder

HISTORY = 9


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(4, HISTORY, 3, generator=torch.Generator().manual_seed(0))


def make(projection: str, encoder: str, stir) -> StreamEncoder:
    module = StreamEncoder(3, 8, 16, HISTORY, projection, encoder).eval()
    stir(module, 0.1)
    return module


@pytest.mark.parametrize("projection", ["linear", "conv"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_steps_become_one_vector(projection, encoder, features, stir):
    module = make(projection, encoder, stir)
    valid = torch.ones(4, HISTORY, dtype=torch.bool)
    encoded = module(features, valid)
    assert encoded.shape == (4, 16)
    for step in range(HISTORY):
        moved = features.clone()
        moved[:, step] += 1.0
        assert (module(moved, valid) != encoded).any(dim=1).all(), "every step is read"
    backwards = module(features.flip(1), valid)
    assert (backwards != encoded).any(), "in order"


@pytest.mark.parametrize("projection", ["linear", "conv"])
@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_nothing_measured_gives_zero(projection, encoder, features, stir):
    valid = torch.ones(4, HISTORY, dtype=torch.bool)
    valid[2] = False
    encoded = make(projection, encoder, stir)(features * valid.unsqueeze(-1), valid)
    assert (encoded[2] == 0).all()
    assert (encoded[[0, 1, 3]] != 0).any(dim=1).all()
    assert encoded.isfinite().all()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_transformer_ignores_lost_steps(features, stir, training):
    module = make("linear", "transformer", stir)
    for dropout in module.modules():
        if isinstance(dropout, nn.Dropout):
            dropout.p = 0.0
    # Dropout of the attention weights is no module.
    for attention in module.modules():
        if isinstance(attention, nn.MultiheadAttention):
            attention.dropout = 0.0
    module.train(training)
    valid = torch.ones(4, HISTORY, dtype=torch.bool)
    valid[:, [0, 3, 4]] = False
    encoded = module(features, valid)
    other = features.clone()
    other[:, [0, 3, 4]] = 50.0
    torch.testing.assert_close(module(other, valid), encoded)
    seen = features.clone()
    seen[:, 5] += 1.0
    assert (module(seen, valid) - encoded).abs().max() > 1e-3
