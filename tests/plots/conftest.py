"""Simulated paths of a viewport, and the curves of simulated errors."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vpnet.geometry.directions import direction_from_angles
from vpnet.plots.error_by_horizon import ErrorCurve
from vpnet.plots.viewport_path import PathForecast


@pytest.fixture
def path_from_degrees() -> Callable[..., Tensor]:
    """Directions at lists of yaw and elevation in degrees."""

    def make(yaw_deg: list[float], elevation_deg: list[float] | float = 0.0) -> Tensor:
        yaw_rad = torch.deg2rad(torch.tensor(yaw_deg, dtype=torch.float64))
        elevation_rad = torch.deg2rad(torch.tensor(elevation_deg, dtype=torch.float64))
        return direction_from_angles(yaw_rad, elevation_rad.expand_as(yaw_rad))

    return make


@pytest.fixture
def forecast(path_from_degrees) -> PathForecast:
    """A viewer who turns right across the seam; the model expects less of it."""
    return PathForecast(
        history=path_from_degrees([130.0, 140.0, 150.0]),
        future=path_from_degrees([160.0, 175.0, 190.0, 200.0], [0.0, 5.0, 10.0, 15.0]),
        predicted=path_from_degrees([158.0, 165.0, 172.0, 181.0]),
    )


@pytest.fixture
def curves() -> dict[str, ErrorCurve]:
    """Two simulated models and a baseline; one of them has no interval at its last step."""
    horizons_s = [step / 5 for step in range(1, 26)]
    mean_deg: list[float | None] = [20 * math.sqrt(s) for s in horizons_s]
    better_deg = [16 * math.sqrt(s) for s in horizons_s]
    return {
        "static": ErrorCurve(horizons_s, mean_deg, [None] * 25, [None] * 25),
        "fusion": ErrorCurve(
            horizons_s, better_deg, [0.9 * e for e in better_deg], [1.1 * e for e in better_deg]
        ),
        "lstm": ErrorCurve(
            horizons_s, [*mean_deg[:24], None], [*better_deg[:24], None], [*mean_deg[:24], None]
        ),
    }
