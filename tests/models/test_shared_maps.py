"""Sharing maps between windows is an arrangement of the work, not an approximation."""

import pytest
import torch

from vpnet.dataset.window import ViewportWindow
from vpnet.geometry.directions import great_circle_distance
from vpnet.models.fusion import Fusion
from vpnet.models.gated_star_vp import GatedStarVP
from vpnet.models.muse_vp import MuseVP
from vpnet.models.star_vp import StarVP
from vpnet.models.track import Track

OF_POINTS = "network.spatial.encoder."
MODELS = {
    "track": (Track, {"hidden": 16}, "saliency_encoder."),
    "fusion, query=trajectory": (Fusion, {"query": "trajectory", "width": 32}, "saliency_encoder."),
    "fusion, query=saliency": (Fusion, {"query": "saliency", "width": 32}, "saliency_encoder."),
    "star_vp": (StarVP, {"hidden": 16}, OF_POINTS),
    "muse_vp, gaze concatenated": (MuseVP, {"eye_spatial_mode": "concat", "hidden": 16}, OF_POINTS),
    "muse_vp, gaze added": (MuseVP, {"eye_spatial_mode": "add", "hidden": 16}, OF_POINTS),
    "gated_star_vp": (GatedStarVP, {"hidden": 16}, OF_POINTS),
}
"""By name: the model, its options, and where its parameters begin that see maps alone."""


def with_own_maps(shared: ViewportWindow) -> ViewportWindow:
    """The same windows, each with copies of the maps it looks at; and one more without viewers."""
    looked_at = shared.saliency_index.flatten()
    own = torch.where(looked_at >= 0, torch.arange(len(looked_at)), -1)
    maps, points = (
        torch.cat((given[looked_at], torch.zeros_like(given[:1])))
        for given in (shared.saliency_maps, shared.saliency_points)
    )
    return shared._replace(
        saliency_maps=maps,
        saliency_points=points,
        saliency_index=own.unflatten(0, shared.saliency_index.shape),
    )


@pytest.mark.parametrize("name", MODELS)
def test_windows_that_share_maps_give_the_loss_and_gradients_of_windows_that_do_not(
    name, make_spec, make_window, stir
):
    make, options, sees_maps = MODELS[name]
    torch.manual_seed(0)
    model = make(make_spec(saliency_view=make.saliency_view), **options).double().eval()
    stir(model, 0.15)
    shared = make_window(model.spec, batch=3, maps=3, dtype=torch.float64)
    losses, gradients = [], []
    for window in (shared, with_own_maps(shared)):
        model.zero_grad()
        loss = great_circle_distance(model(window), window.future_directions).mean()
        loss.backward()
        losses.append(loss.detach())
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})
    torch.testing.assert_close(losses[0], losses[1], atol=1e-5, rtol=0)
    for parameter, gradient in gradients[0].items():
        torch.testing.assert_close(
            gradient, gradients[1][parameter], atol=1e-5, rtol=1e-5, msg=parameter
        )
    of_maps = [g.abs().max() for name, g in gradients[0].items() if name.startswith(sees_maps)]
    assert max(of_maps) > 1e-3
