import pytest
import torch

from vpnet.runtime import bfloat16


@pytest.fixture(autouse=True)
def forgetful():
    """What was found out in a test is not kept."""
    bfloat16.cpu_has_bfloat16.cache_clear()
    yield
    bfloat16.cpu_has_bfloat16.cache_clear()


def test_it_says_whether_a_recurrent_network_runs():
    network = torch.nn.LSTM(8, 16, num_layers=2, batch_first=True)
    history = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(0))

    def run():
        with torch.autocast("cpu", torch.bfloat16):
            network(history)[0].float().sum().backward()

    if bfloat16.cpu_has_bfloat16():
        run()
    else:
        with pytest.raises(RuntimeError):
            run()


@pytest.mark.parametrize("fails", [False, True])
def test_only_an_error_of_the_library_says_no(monkeypatch, fails):
    def forward(self, steps):
        assert torch.is_autocast_enabled("cpu")
        if fails:
            raise RuntimeError("could not create a primitive descriptor")
        return steps

    monkeypatch.setattr(torch.nn.LSTM, "forward", forward)
    assert bfloat16.cpu_has_bfloat16() == (not fails)
