"""Simulated paths of a viewport, and the curves of simulated errors."""

import math

import pytest

from vpnet.plots.curves import ErrorCurve
from vpnet.plots.viewport_path import PathForecast


@pytest.fixture
def forecast(directions_at) -> PathForecast:
    """A viewer who turns right across the seam; the model expects less of it."""
    return PathForecast(
        history=directions_at([130.0, 140.0, 150.0]),
        future=directions_at([160.0, 175.0, 190.0, 200.0], [0.0, 5.0, 10.0, 15.0]),
        predicted=directions_at([158.0, 165.0, 172.0, 181.0]),
        horizons_s=[0.5, 1.0, 1.5, 1.8],
        title="viewer S01",
    )


@pytest.fixture
def curves() -> dict[str, ErrorCurve]:
    """Two simulated models and a baseline; one of them has no interval at its last step."""
    horizons_s = [step / 5 for step in range(1, 26)]
    mean_deg = [20 * math.sqrt(s) for s in horizons_s]
    better_deg = [16 * math.sqrt(s) for s in horizons_s]
    unknown = [math.nan] * 25
    return {
        "static": ErrorCurve(horizons_s, mean_deg, unknown, unknown),
        "fusion": ErrorCurve(
            horizons_s, better_deg, [0.9 * e for e in better_deg], [1.1 * e for e in better_deg]
        ),
        "lstm": ErrorCurve(
            horizons_s,
            [*mean_deg[:24], math.nan],
            [*better_deg[:24], math.nan],
            [*mean_deg[:24], math.nan],
        ),
    }
