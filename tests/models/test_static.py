import torch

from vpnet.models.static import Static


def test_the_last_direction_is_held(make_spec, make_window):
    spec = make_spec()
    window = make_window(spec)
    predicted = Static(spec)(window)
    for horizon in range(3):
        assert torch.equal(predicted[:, horizon], window.history_directions[:, -1])
