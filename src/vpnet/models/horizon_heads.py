"""One small network per horizon: a turn in the tangent plane of the viewport centre."""

import torch
from torch import Tensor, nn

from vpnet.geometry.tangent import from_tangent


class HorizonHeads(nn.Module):
    """Per horizon: Linear, GELU, dropout, Linear to (east, north) in radians.

    The last layer starts at zero, so an untrained model is the static baseline.

    Args:
        state_width: Width of the state they read.
        horizons: Number of horizons.
        hidden: Units of each network.
        dropout: Share of units dropped in training.
    """

    def __init__(
        self, state_width: int, horizons: int, hidden: int = 128, dropout: float = 0.2
    ) -> None:
        super().__init__()
        # All first layers in one matrix product; the second ones stay apart.
        self.first = nn.Linear(state_width, horizons * hidden)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Parameter(torch.zeros(horizons, hidden, 2))
        self.bias = nn.Parameter(torch.zeros(horizons, 2))

    def forward(self, state: Tensor, viewport_center: Tensor) -> Tensor:
        """Directions at the horizons.

        Args:
            state: Shape ``(batch, state_width)``, or ``(batch, horizon, state_width)`` where every
                horizon has a state of its own.
            viewport_center: At the anchor, shape ``(batch, 3)``.

        Returns:
            Unit vectors, shape ``(batch, horizon, 3)``.
        """
        shape = self.second.shape[:2]
        if state.ndim == 2:
            hidden = self.first(state).unflatten(1, shape)
        else:
            weight, bias = (
                self.first.weight.unflatten(0, shape),
                self.first.bias.unflatten(0, shape),
            )
            hidden = torch.einsum("bhs,hus->bhu", state, weight) + bias
        hidden = self.dropout(nn.functional.gelu(hidden))
        # In bf16 a direction is only good to 0.4 degrees: the last step is in full precision.
        with torch.autocast(hidden.device.type, enabled=False):
            offset_rad = torch.einsum("bhu,huc->bhc", hidden.to(self.second.dtype), self.second)
            return from_tangent(viewport_center.unsqueeze(1), offset_rad + self.bias)
