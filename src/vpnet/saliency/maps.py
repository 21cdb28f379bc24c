"""What every saliency map is in vpnet: non-negative, of sum 1 under solid-angle weights."""

from torch import Tensor

from vpnet.geometry.equirectangular import solid_angle_weights


def normalize_maps(maps: Tensor) -> Tensor:
    """Scale non-negative maps so that their sum under solid-angle weights is 1.

    A map of zeros says nothing about where to look and becomes the uniform map.

    Args:
        maps: Shape ``(..., height, width)``, non-negative.

    Returns:
        Shape ``(..., height, width)``; the uniform map is 1 everywhere.
    """
    weights = solid_angle_weights(*maps.shape[-2:], dtype=maps.dtype).to(maps.device)
    total = (maps * weights).sum(dim=(-2, -1), keepdim=True)
    return (maps / total.clamp(min=1e-12)).where(total > 1e-12, maps.new_ones(()))
