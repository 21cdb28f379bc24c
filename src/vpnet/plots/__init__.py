"""Figures: error against horizon, and paths of the viewport over the frame.

Drawn with matplotlib's objects, never its global state, so that they work in any thread and
without a display. Colours stay distinct for colour-blind readers.
"""

from vpnet.plots.error_by_horizon import (
    ErrorCurve,
    curves_from_summaries,
    plot_error_by_horizon,
)
from vpnet.plots.overview import plot_overview
from vpnet.plots.viewport_path import PathForecast, plot_viewport_path

__all__ = [
    "ErrorCurve",
    "PathForecast",
    "curves_from_summaries",
    "plot_error_by_horizon",
    "plot_overview",
    "plot_viewport_path",
]
