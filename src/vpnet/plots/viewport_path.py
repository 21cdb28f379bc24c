"""Where a viewer looked and where a model expected it, over the equirectangular frame."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, StrMethodFormatter
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import yaw_and_elevation
from vpnet.geometry.tangent import from_tangent
from vpnet.plots.seam import frame_lines
from vpnet.plots.style import GREY, INK, LIGHT, MODEL_COLORS, polish, save_figure, set_title

PAST_COLOR = GREY
TRUE_COLOR = INK
PREDICTED_COLOR = MODEL_COLORS[0]
PAST_DASHES: Any = (0, (1, 1.2))
OUTLINE_DASHES: Any = (0, (4, 2))
SALIENCY_COLORS = LinearSegmentedColormap.from_list("saliency", ("#ffffff", "#fbd9a5", "#e8924a"))


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


def plot_viewport_path(
    forecasts: Sequence[PathForecast],
    path: Path,
    *,
    title: str = "",
    background: Tensor | None = None,
    field_of_view_deg: float = 100.0,
) -> None:
    """Draw past, true and predicted paths of one or several windows over the frame.

    Args:
        forecasts: Windows of one video, at least one.
        path: File to write: png, pdf or svg.
        title: Heading of the figure.
        background: Saliency map ``(height, width)`` or colour image ``(height, width, 3)`` with
            values in [0, 1]; a grid of yaw and elevation where there is none.
        field_of_view_deg: Diameter of the circles around the last true and predicted direction,
            which are drawn where there is one window.

    Raises:
        InputError: There is no window, the background is neither, or the file's ending is unknown.
    """
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    axes = figure.add_subplot()
    draw_viewport_path(axes, forecasts, background=background, field_of_view_deg=field_of_view_deg)
    if title:
        set_title(axes, title)
    save_figure(figure, path)


def draw_viewport_path(
    axes: Axes,
    forecasts: Sequence[PathForecast],
    *,
    background: Tensor | None = None,
    field_of_view_deg: float = 100.0,
) -> None:
    """Draw the paths into axes.

    Args:
        axes: Where to draw.
        forecasts: Windows of one video, at least one.
        background: As in `plot_viewport_path`.
        field_of_view_deg: As in `plot_viewport_path`.

    Raises:
        InputError: There is no window, or the background is not an image.
    """
    if not forecasts:
        raise InputError("there is no path to draw; give at least one window")
    _draw_frame(axes, background)
    # The circles of several windows would hide what they surround.
    has_outlines = len(forecasts) == 1
    for forecast in forecasts:
        anchor = forecast.history[-1:]
        _draw_path(axes, forecast.history, PAST_COLOR, zorder=3, lw=1.8, ls=PAST_DASHES)
        for directions, color, zorder in (
            (forecast.future, TRUE_COLOR, 4),
            (forecast.predicted, PREDICTED_COLOR, 5),
        ):
            _draw_path(axes, torch.cat((anchor, directions.to(anchor))), color, zorder=zorder)
            if has_outlines:
                outline = circle(directions[-1], field_of_view_deg)
                _draw_path(axes, outline, color, zorder=2, lw=1.1, ls=OUTLINE_DASHES)
            _draw_point(axes, directions[-1], color, "o", zorder=zorder + 2)
        _draw_point(axes, anchor[0], GREY, "D", zorder=8)
    handles = [
        Line2D([], [], color=PAST_COLOR, lw=1.8, ls=PAST_DASHES, label="past"),
        Line2D([], [], color=GREY, lw=0, marker="D", label="now = static baseline"),
        Line2D([], [], color=TRUE_COLOR, lw=2.6, marker="o", label="true future"),
        Line2D([], [], color=PREDICTED_COLOR, lw=2.6, marker="o", label="predicted"),
    ]
    if has_outlines:
        label = "field of view at the end"
        handles.append(Line2D([], [], color=INK, lw=1.1, ls=OUTLINE_DASHES, label=label))
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=len(handles),
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        handlelength=1.8,
        handletextpad=0.6,
        columnspacing=1.5,
    )


def _draw_frame(axes: Axes, background: Tensor | None) -> None:
    if background is not None:
        is_map = background.ndim == 2
        if not is_map and not (background.ndim == 3 and background.shape[-1] == 3):
            raise InputError(
                "a background is a saliency map (height, width) or a colour image "
                f"(height, width, 3), got shape {tuple(background.shape)}"
            )
        style: dict[str, Any] = {"cmap": SALIENCY_COLORS} if is_map else {"alpha": 0.8}
        axes.imshow(
            background.cpu().numpy(),
            extent=(-180, 180, -90, 90),
            aspect="equal",
            interpolation="bilinear",
            zorder=0,
            **style,
        )
    axes.set_xlim(-180, 180)
    axes.set_ylim(-90, 90)
    axes.set_aspect("equal")
    axes.xaxis.set_major_locator(FixedLocator(range(-180, 181, 60)))
    axes.yaxis.set_major_locator(FixedLocator(range(-90, 91, 30)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:.0f}°"))
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


def _draw_path(
    axes: Axes,
    directions: Tensor,
    color: str,
    *,
    zorder: int,
    lw: float = 2.6,
    ls: Any = "-",
) -> None:
    # A white rim keeps the line legible on any background.
    rim = [withStroke(linewidth=lw + 2.0, foreground="white")] if ls == "-" else []
    for line in frame_lines(directions):
        axes.plot(
            line[:, 0].numpy(),
            line[:, 1].numpy(),
            color=color,
            lw=lw,
            ls=ls,
            solid_capstyle="round",
            solid_joinstyle="round",
            path_effects=rim,
            zorder=zorder,
        )


def _draw_point(axes: Axes, direction: Tensor, color: str, marker: str, *, zorder: int) -> None:
    yaw_rad, elevation_rad = yaw_and_elevation(direction)
    axes.plot(
        float(torch.rad2deg(yaw_rad)),
        float(torch.rad2deg(elevation_rad)),
        marker=marker,
        color=color,
        markersize=8,
        markeredgecolor="white",
        markeredgewidth=1.4,
        zorder=zorder,
        clip_on=False,
    )
