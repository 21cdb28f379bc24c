"""One figure for the front page: what predictions look like, and how good they are."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.plots.error_by_horizon import ErrorCurve, draw_errors
from vpnet.plots.style import INK, set_title
from vpnet.plots.viewport_path import PathForecast, add_legend, draw_path

PANELS = 3


def overview_figure(
    forecasts: Sequence[PathForecast], curves: Mapping[str, ErrorCurve], *, title: str = ""
) -> Figure:
    """Windows of up to three viewers, a panel each, and the error against the horizon.

    Args:
        forecasts: At least one window; those after the third are left out.
        curves: Errors by model name.
        title: Heading of the figure: data set, users, windows.

    Raises:
        InputError: There is no window or no curve, or a background is not an image.
    """
    if not forecasts:
        raise InputError("there is no path to draw; give at least one window")
    figure = Figure(figsize=(13.2, 7.4))
    grid = figure.add_gridspec(
        2, 2, left=0.05, right=0.91, top=0.88, bottom=0.14, wspace=0.13, hspace=0.3
    )
    for number, forecast in enumerate(forecasts[:PANELS]):
        draw_path(figure.add_subplot(grid[divmod(number, 2)]), forecast)
    errors = figure.add_subplot(grid[1, 1])
    draw_errors(errors, curves)
    set_title(errors, "Error by horizon")
    add_legend(figure, columns=6, loc="lower center", bbox_to_anchor=(0.48, 0.01))
    figure.suptitle(title, x=0.05, y=0.97, ha="left", fontsize=14, fontweight="bold", color=INK)
    return figure
