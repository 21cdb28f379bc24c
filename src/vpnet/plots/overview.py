"""One figure for the front page: what a prediction looks like, and how good it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from vpnet.plots.error_by_horizon import ErrorCurve, draw_error_by_horizon
from vpnet.plots.style import save_figure, set_title
from vpnet.plots.viewport_path import PathForecast, draw_viewport_path

WIDTH_IN, HEIGHT_IN = 12.4, 4.6
BOTTOM_IN, AXES_HEIGHT_IN = 0.8, 3.4


def plot_overview(
    forecasts: Sequence[PathForecast],
    curves: Mapping[str, ErrorCurve],
    path: Path,
    *,
    background: Tensor | None = None,
    path_title: str = "Past, true and predicted viewport",
    error_title: str = "Error by horizon",
) -> None:
    """Draw paths over the frame on the left, errors against the horizon on the right.

    Args:
        forecasts: Windows of one video, at least one.
        curves: Errors by model name.
        path: File to write: png, pdf or svg.
        background: Saliency map ``(height, width)`` or colour image ``(height, width, 3)``.
        path_title: Heading of the left side.
        error_title: Heading of the right side.

    Raises:
        InputError: There is nothing to draw on a side, the background is not an image, or the
            file's ending is unknown.
    """
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN))
    left = figure.add_axes(_box(0.7, 6.8))
    right = figure.add_axes(_box(8.3, 2.9))
    draw_viewport_path(left, forecasts, background=background)
    set_title(left, path_title)
    draw_error_by_horizon(right, curves)
    set_title(right, error_title)
    save_figure(figure, path)


def _box(left_in: float, width_in: float) -> tuple[float, float, float, float]:
    """Place of axes in the figure; both sides stand on one line and are equally high."""
    return (
        left_in / WIDTH_IN,
        BOTTOM_IN / HEIGHT_IN,
        width_in / WIDTH_IN,
        AXES_HEIGHT_IN / HEIGHT_IN,
    )
