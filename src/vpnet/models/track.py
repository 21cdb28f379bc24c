"""TRACK: one LSTM for the history, one for saliency, a third that fuses both.

Source: Romero Rondon, Sassatelli, Aparicio-Pardo, Precioso: "TRACK: A New Method from a
Re-examination of Deep Architectures for Head Motion Prediction in 360-degree Videos", IEEE TPAMI
2021, doi 10.1109/TPAMI.2021.3070520. Differences: directions are normalised at every step; maps are
averaged to a coarse grid before they are flattened, with one number more that says whether there is
a map; between two horizons the map of the earlier one is used; the history's velocity is read in
addition to its directions unless ``velocity=False``.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pad

from vpnet.dataset.window import ViewportWindow, WindowSpec
from vpnet.models.forecaster import Forecaster
from vpnet.models.lstm import EncoderDecoder
from vpnet.models.streams import HeadVectors
from vpnet.settings import Units, checked

GRID = (12, 24)
"""Rows and columns to which a map is averaged."""


@checked
class Track(Forecaster):
    """Encoder and decoder of three LSTMs each, residual output.

    Args:
        spec: What the windows look like.
        hidden: Units of each LSTM.
        velocity: The LSTM of the history reads how fast the head turns in addition to where it
            points; false is as published.
    """

    saliency_view = "maps"
    used_streams = ("saliency",)

    def __init__(self, spec: WindowSpec, hidden: Units = 256, *, velocity: bool = True) -> None:
        super().__init__(spec)
        self.head = HeadVectors(spec.sampling_rate_hz, velocity)
        flat = GRID[0] * GRID[1] + 1
        self.recurrent = EncoderDecoder(self.head.features, hidden, layers=1)
        self.saliency_encoder = nn.LSTM(flat, hidden, batch_first=True)
        self.saliency_decoder = nn.LSTM(flat, hidden, batch_first=True)
        self.fusion_encoder = nn.LSTM(2 * hidden, hidden, batch_first=True)
        self.fusion_decoder = nn.LSTM(2 * hidden, hidden, batch_first=True)

    def forward(self, window: ViewportWindow) -> Tensor:
        """Directions at the horizons, shape ``(batch, horizon, 3)``."""
        history = window.history_directions
        horizon_steps = self.spec.horizon_steps
        maps = self._flat_maps(window)
        encoded, state = self.recurrent.encoder(self.head(window))
        encoded_maps, map_state = self.saliency_encoder(maps[:, : self.spec.history_steps])
        _, fusion_state = self.fusion_encoder(torch.cat((encoded, encoded_maps), dim=2))
        future_maps, _ = self.saliency_decoder(maps[:, self._column_of_step()], map_state)

        def fuse(step: int, hidden: Tensor) -> Tensor:
            nonlocal fusion_state
            both = torch.cat((hidden, future_maps[:, step - 1]), dim=1).unsqueeze(1)
            fused, fusion_state = self.fusion_decoder(both, fusion_state)
            return fused[:, 0]

        path = self.recurrent.decode(history[:, -1], horizon_steps[-1], state, fuse)
        return path[:, [step - 1 for step in horizon_steps]]

    def _column_of_step(self) -> list[int]:
        """Of each future step, the moment of the window whose map is displayed at that time."""
        columns, column = [], self.spec.history_steps - 1
        for step in range(1, self.spec.horizon_steps[-1] + 1):
            column += step in self.spec.horizon_steps
            columns.append(column)
        return columns

    def _flat_maps(self, window: ViewportWindow) -> Tensor:
        """The map at each moment of each window, ``(batch, history + horizon, flat)``."""
        flat = window.history_directions.new_zeros(1, GRID[0] * GRID[1] + 1)
        if len(window.saliency_maps) > 0:
            # Densities span decades; the logarithm keeps the faint ones visible.
            coarse = adaptive_avg_pool2d(torch.log1p(window.saliency_maps).unsqueeze(1), GRID)
            flat = torch.cat((pad(coarse.flatten(1), (0, 1), value=1.0), flat))
        # Index -1 is the last row: that of no map.
        return flat[window.saliency_index]
