"""Where a viewer looked and where a model expected it, over the equirectangular frame.

`overview_figure` shows this together with the error against the horizon.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.viewport_metrics import FIELD_OF_VIEW_DEG
from vpnet.geometry.directions import (
    great_circle_distance,
    interpolate_directions,
    yaw_and_elevation,
)
from vpnet.geometry.tangent import from_tangent
from vpnet.plots.curves import ErrorCurve, draw_errors
from vpnet.plots.style import GREY, INK, LIGHT, MODEL_COLORS, polish, set_title

PAST_COLOR = GREY
TRUE_COLOR = INK
PREDICTED_COLOR = MODEL_COLORS[0]
PAST_DASHES: Any = (0, (1, 1.2))
OUTLINE_DASHES: Any = (0, (4, 2))
FAINTEST = 0.3
"""Opacity of a path at the last horizon; 1 at the anchor."""
SALIENCY_COLORS = LinearSegmentedColormap.from_list("saliency", ("#ffffff", "#fbd9a5", "#e8924a"))
STEP_DEG = 1.0
"""Longest straight piece of a drawn great circle."""
PANELS = 3
"""Windows in an overview."""


class PathForecast(NamedTuple):
    """One window: what the viewer did before the anchor and after it, and what was predicted.

    All are unit vectors in the world frame. The last direction of the history is the anchor, and
    the prediction of the static baseline.
    """

    history: Tensor
    """Past path up to the anchor, shape ``(history, 3)``."""
    future: Tensor
    """True path after the anchor, shape ``(horizon, 3)``."""
    predicted: Tensor
    """Predicted path after the anchor, shape ``(horizon, 3)``."""
    horizons_s: Sequence[float]
    """Horizons of the steps, increasing."""
    title: str = ""
    """Viewer, video and time."""
    background: Tensor | None = None
    """Saliency map ``(height, width)`` or colour image ``(height, width, 3)`` with values in
    [0, 1]; a grid of yaw and elevation where there is none."""


def path_figure(forecasts: Sequence[PathForecast], *, title: str = "") -> Figure:
    """Figure of windows, a panel each, one below the other.

    Raises:
        InputError: There is no window, or a background is not an image.
    """
    _check_any(forecasts)
    figure = Figure(figsize=(6.8, 0.7 + 3.7 * len(forecasts)), layout="constrained")
    for number, forecast in enumerate(forecasts):
        axes = figure.add_subplot(len(forecasts), 1, number + 1)
        draw_path(axes, forecast)
    _add_legend(figure, columns=3, loc="outside lower center")
    if title:
        figure.suptitle(title, fontsize=12, fontweight="bold", color=INK)
    return figure


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
    _check_any(forecasts)
    figure = Figure(figsize=(13.2, 7.4))
    grid = figure.add_gridspec(
        2, 2, left=0.05, right=0.91, top=0.88, bottom=0.14, wspace=0.13, hspace=0.3
    )
    for number, forecast in enumerate(forecasts[:PANELS]):
        draw_path(figure.add_subplot(grid[divmod(number, 2)]), forecast)
    errors = figure.add_subplot(grid[1, 1])
    draw_errors(errors, curves)
    set_title(errors, "Error by horizon")
    _add_legend(figure, columns=6, loc="lower center", bbox_to_anchor=(0.48, 0.01))
    figure.suptitle(title, x=0.05, y=0.97, ha="left", fontsize=14, fontweight="bold", color=INK)
    return figure


def _check_any(forecasts: Sequence[PathForecast]) -> None:
    if not forecasts:
        raise InputError("there is no path to draw; give at least one window")


def draw_path(axes: Axes, forecast: PathForecast) -> None:
    """Draw one window into axes: true and predicted path fade with the horizon.

    A marker shows every whole second, so that the two can be compared at the same time.

    Raises:
        InputError: The background is not an image.
    """
    _draw_frame(axes, forecast.background)
    anchor = forecast.history[-1:]
    for line in frame_lines(forecast.history):
        _draw_line(axes, line, PAST_COLOR, zorder=3, lw=2.0, ls=PAST_DASHES)
    for directions, color, marker, zorder in (
        (forecast.future, TRUE_COLOR, "o", 4),
        (forecast.predicted, PREDICTED_COLOR, "s", 6),
    ):
        outline = circle(directions[-1], FIELD_OF_VIEW_DEG)
        for line in frame_lines(outline):
            _draw_line(axes, line, color, zorder=2, lw=1.0, ls=OUTLINE_DASHES, alpha=0.6)
        steps = torch.cat((anchor, directions.to(anchor)))
        shades = torch.linspace(1.0, FAINTEST, len(directions) + 1)[1:].tolist()
        for start, opacity in enumerate(shades):
            for line in frame_lines(steps[start : start + 2]):
                _draw_line(axes, line, color, zorder=zorder, alpha=opacity)
        for step in _whole_seconds(forecast.horizons_s):
            _draw_point(axes, directions[step], color, marker, shades[step], zorder=zorder + 1)
    _draw_point(axes, anchor[0], INK, "D", zorder=8, size=8)
    axes.set_title(forecast.title, loc="left", fontsize=9.5, color=INK, pad=6)


def _add_legend(figure: Figure, *, columns: int, **place: Any) -> None:
    """Say at the foot of a figure what the lines of `draw_path` are."""
    handles = [
        Line2D([], [], color=PAST_COLOR, lw=2.0, ls=PAST_DASHES, label="past"),
        Line2D([], [], color=INK, lw=0, marker="D", label="now = static baseline"),
        Line2D([], [], color=TRUE_COLOR, lw=2.6, marker="o", label="true future"),
        Line2D([], [], color=PREDICTED_COLOR, lw=2.6, marker="s", label="predicted"),
        Line2D([], [], color=GREY, lw=0, marker="o", label="every second, fainter later"),
        Line2D([], [], color=GREY, lw=1.0, ls=OUTLINE_DASHES, label="field of view at the end"),
    ]
    figure.legend(
        handles=handles,
        ncols=columns,
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        handlelength=1.8,
        handletextpad=0.6,
        columnspacing=1.5,
        **place,
    )


def _whole_seconds(horizons_s: Sequence[float]) -> Iterator[int]:
    """Positions of the steps at 1 s, 2 s, ..., and of the last one."""
    last = len(horizons_s) - 1
    for step, horizon_s in enumerate(horizons_s):
        if step == last or abs(horizon_s - round(horizon_s)) < 1e-6:
            yield step


def _draw_frame(axes: Axes, background: Tensor | None) -> None:
    if background is not None:
        is_map = background.ndim == 2
        if not is_map and not (background.ndim == 3 and background.shape[-1] == 3):
            raise InputError(
                "a background is a saliency map (height, width) or a colour image "
                f"(height, width, 3), got shape {tuple(background.shape)}"
            )
        style: dict[str, Any] = {"cmap": SALIENCY_COLORS} if is_map else {"alpha": 0.6}
        axes.imshow(
            background.cpu().numpy(),
            extent=(-180, 180, -90, 90),
            aspect="equal",
            interpolation="bilinear",
            zorder=0,
            **style,
        )
    axes.set(xlim=(-180, 180), ylim=(-90, 90), aspect="equal")
    axes.set_xticks(range(-180, 181, 60))
    axes.set_yticks(range(-90, 91, 30))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0f}°")
    axes.grid(color=LIGHT, lw=0.7, alpha=1.0 if background is None else 0.5)
    axes.set_xlabel("yaw", color=INK)
    axes.set_ylabel("elevation", color=INK)
    polish(axes)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(LIGHT)


def circle(center: Tensor, diameter_deg: float) -> Tensor:
    """Outline of a circular field of view, closed: its last direction is its first.

    Args:
        center: Unit vector, shape ``(3,)``.
        diameter_deg: Full angle of the circle.

    Returns:
        Unit vectors, one per 3 degrees of the way round, shape ``(121, 3)``.
    """
    around_rad = torch.linspace(0, 2 * math.pi, 121, dtype=torch.float64)
    unit = torch.stack((torch.cos(around_rad), torch.sin(around_rad)), dim=-1)
    return from_tangent(center.double(), unit * math.radians(diameter_deg / 2))


def _draw_line(
    axes: Axes,
    line: Tensor,
    color: str,
    *,
    zorder: int,
    lw: float = 2.8,
    ls: Any = "-",
    alpha: float = 1.0,
) -> None:
    # A white rim keeps the line legible on any background.
    rim = [withStroke(linewidth=lw + 1.6, foreground=to_rgba("white", 0.8 * alpha))]
    axes.plot(
        line[:, 0].numpy(),
        line[:, 1].numpy(),
        color=to_rgba(color, alpha),
        lw=lw,
        ls=ls,
        solid_capstyle="butt",
        path_effects=rim if ls == "-" else [],
        zorder=zorder,
    )


def _draw_point(
    axes: Axes,
    direction: Tensor,
    color: str,
    marker: str,
    opacity: float = 1.0,
    *,
    zorder: int,
    size: float = 6.5,
) -> None:
    axes.plot(
        *_on_frame(direction).tolist(),
        marker=marker,
        color=to_rgba(color, max(opacity, 0.45)),
        markersize=size,
        markeredgecolor="white",
        markeredgewidth=1.0,
        zorder=zorder,
        clip_on=False,
    )


def _on_frame(directions: Tensor) -> Tensor:
    """Yaw and elevation in degrees."""
    return torch.rad2deg(torch.stack(yaw_and_elevation(directions), dim=-1))


def frame_lines(directions: Tensor) -> list[Tensor]:
    """Lines on the frame that together show a path; none of them crosses the frame.

    Neighbouring directions are joined by a great circle. Where it crosses yaw 180 degrees the line
    ends at one edge of the frame and the next begins at the other, at the same elevation.

    Args:
        directions: A path of unit vectors, shape ``(steps, 3)``.

    Returns:
        Lines of yaw and elevation in degrees, each of shape ``(points, 2)``; yaw lies in
        [-180, 180].
    """
    points = _on_frame(_densify(directions.double()))
    lines: list[Tensor] = []
    start = 0
    carried = points[:0]
    for index in torch.nonzero((points[1:, 0] - points[:-1, 0]).abs() > 180).flatten().tolist():
        left, entered = _crossing(points[index], points[index + 1])
        lines.append(torch.cat((carried, points[start : index + 1], left)))
        carried, start = entered, index + 1
    lines.append(torch.cat((carried, points[start:])))
    return lines


def _densify(directions: Tensor) -> Tensor:
    """The path with great circles between its directions, in pieces of at most `STEP_DEG`."""
    pieces = [directions[:1]]
    for start, end in zip(directions[:-1], directions[1:], strict=True):
        angle_deg = float(torch.rad2deg(great_circle_distance(start, end)))
        parts = max(1, int(angle_deg / STEP_DEG) + 1)
        fraction = torch.arange(1, parts + 1, dtype=directions.dtype) / parts
        pieces.append(
            interpolate_directions(start.expand(parts, 3), end.expand(parts, 3), fraction)
        )
    return torch.cat(pieces)


def _crossing(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Where a line leaves the frame and where it comes back in, each ``(1, 2)``."""
    edge = 180.0 if before[0] > 0 else -180.0
    beyond = after[0] + 2 * edge
    span = beyond - before[0]
    fraction = (edge - before[0]) / span if span else torch.zeros_like(span)
    elevation = before[1] + fraction * (after[1] - before[1])
    left = torch.stack((torch.full_like(elevation, edge), elevation))
    return left.unsqueeze(0), (left * left.new_tensor((-1.0, 1.0))).unsqueeze(0)
