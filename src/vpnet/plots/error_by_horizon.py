"""Error against horizon: how quickly a prediction goes stale, with the baselines behind it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.plots.style import GREY, INK, LIGHT, MODEL_COLORS, polish, save_figure, set_title

BASELINE_LINES: Mapping[str, Any] = {
    "static": (0, (5, 2)),
    "constant_velocity": (0, (1, 1.5)),
    "linear": (0, (5, 1.5, 1, 1.5)),
}
"""Models drawn as grey lines without a band, and their dashes."""

LABEL_SPACING = 0.06
"""Smallest distance between two labels, in heights of the axes."""


class ErrorCurve(NamedTuple):
    """Mean error of one model over its horizons; NaN or None where not known."""

    horizons_s: Sequence[float]
    """Horizons of the steps, increasing."""
    mean_deg: Sequence[float | None]
    """Mean error."""
    low_deg: Sequence[float | None]
    """Lower end of its interval."""
    high_deg: Sequence[float | None]
    """Upper end of its interval."""


def curves_from_summaries(summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, ErrorCurve]:
    """The curves of evaluated models: mean over users at every step, 95 % interval over users.

    Args:
        summaries: By model name, each from `vpnet.evaluation.summary.summarize`.
    """
    return {
        name: ErrorCurve(
            summary["by_step"]["horizons_s"],
            summary["by_step"]["mean_deg"],
            summary["by_step"]["low"],
            summary["by_step"]["high"],
        )
        for name, summary in summaries.items()
    }


def plot_error_by_horizon(
    curves: Mapping[str, ErrorCurve], path: Path, *, title: str = "Error by horizon"
) -> None:
    """Draw the errors of several models against the horizon.

    Args:
        curves: By model name; the models of `BASELINE_LINES` are drawn as grey dashed lines.
        path: File to write: png, pdf or svg.
        title: Heading of the figure.

    Raises:
        InputError: There is no curve, or the file's ending is unknown.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    draw_error_by_horizon(axes, curves)
    set_title(axes, title)
    save_figure(figure, path)


def draw_error_by_horizon(axes: Axes, curves: Mapping[str, ErrorCurve]) -> None:
    """Draw the curves into axes, each named at its right end.

    Args:
        axes: Where to draw.
        curves: By model name.

    Raises:
        InputError: There is no curve.
    """
    if not curves:
        raise InputError("there is no error to draw; give at least one evaluated model")
    models = [name for name in curves if name not in BASELINE_LINES]
    ends: list[tuple[float, float, str, str]] = []
    for name, curve in curves.items():
        horizons_s, mean_deg, low_deg, high_deg = (
            [math.nan if value is None else value for value in values] for values in curve
        )
        if name in BASELINE_LINES:
            color = GREY
            axes.plot(horizons_s, mean_deg, color=color, lw=1.6, ls=BASELINE_LINES[name], zorder=2)
        else:
            color = MODEL_COLORS[models.index(name) % len(MODEL_COLORS)]
            axes.fill_between(horizons_s, low_deg, high_deg, color=color, alpha=0.16, lw=0)
            axes.plot(horizons_s, mean_deg, color=color, lw=2.4, solid_capstyle="round", zorder=3)
        known = [(s, deg) for s, deg in zip(horizons_s, mean_deg, strict=True) if deg == deg]
        if known:
            ends.append((*known[-1], name, color))
    axes.set_xlim(0, max(max(curve.horizons_s) for curve in curves.values()))
    axes.set_ylim(bottom=0)
    _label_ends(axes, ends)
    if models:
        axes.text(
            0.98,
            0.03,
            "bands: 95 % interval over users",
            transform=axes.transAxes,
            ha="right",
            color=GREY,
            fontsize=8.5,
        )
    axes.grid(axis="y", color=LIGHT, lw=0.7)
    axes.set_xlabel("horizon (s)", color=INK)
    axes.set_ylabel("great-circle error (degrees)", color=INK)
    polish(axes)


def _label_ends(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Name the curves at their right ends, moved apart where they would overlap."""
    if not ends:
        return
    top = axes.get_ylim()[1]
    ends = sorted(ends, key=lambda end: end[1])
    for (horizon_s, mean_deg, name, color), height in zip(
        ends, spread([end[1] / top for end in ends], LABEL_SPACING), strict=True
    ):
        axes.annotate(
            name.replace("_", " ") if name in BASELINE_LINES else name,
            xy=(horizon_s, mean_deg),
            xytext=(1.02, height),
            textcoords="axes fraction",
            color=color,
            fontsize=9.5,
            fontweight="normal" if color == GREY else "bold",
            va="center",
            annotation_clip=False,
        )


def spread(heights: Sequence[float], spacing: float) -> list[float]:
    """Heights moved apart to at least ``spacing``, each group staying around its middle.

    Args:
        heights: Increasing.
        spacing: Smallest distance between two neighbours.

    Returns:
        Heights, increasing, at least ``spacing`` apart.
    """
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _top(groups[-2], spacing) + spacing > _bottom(
            groups[-1], spacing
        ):
            last = groups.pop()
            groups[-1] += last
    return [
        _bottom(group, spacing) + position * spacing
        for group in groups
        for position in range(len(group))
    ]


def _bottom(group: Sequence[float], spacing: float) -> float:
    return sum(group) / len(group) - (len(group) - 1) * spacing / 2


def _top(group: Sequence[float], spacing: float) -> float:
    return _bottom(group, spacing) + (len(group) - 1) * spacing
