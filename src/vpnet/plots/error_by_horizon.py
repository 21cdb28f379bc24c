"""Error against horizon: how quickly a prediction goes stale, compared with the baselines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights, group_sums
from vpnet.evaluation.measurements import Measurements
from vpnet.plots.style import (
    GREY,
    INK,
    LABEL_SPACING,
    LIGHT,
    MODEL_COLORS,
    polish,
    set_title,
    spread,
)

REFERENCE = "static"
"""The model that the others are compared with."""

BASELINE_LINES: Mapping[str, Any] = {
    REFERENCE: (0, (5, 2)),
    "constant_velocity": (0, (1, 1.5)),
    "linear": (0, (5, 1.5, 1, 1.5)),
}
"""Models drawn as grey lines without a band, and their dashes."""


class ErrorCurve(NamedTuple):
    """Mean error of one model over its horizons; NaN where not known."""

    horizons_s: Sequence[float]
    """Horizons of the steps, increasing."""
    mean_deg: Sequence[float]
    """Mean error over users."""
    low_deg: Sequence[float]
    """Static's mean error plus the lower end of the interval of the difference to it."""
    high_deg: Sequence[float]
    """The same with the upper end."""


def error_curves(
    measured: Mapping[str, Measurements],
    recording_users: Sequence[str],
    bootstrap_draws: int = 10_000,
) -> dict[str, ErrorCurve]:
    """Mean error over users at every step, and how surely it differs from that of static.

    Users differ from each other far more than models do on the same user, so an interval of each
    mean would hide a clear gain. The interval is that of the difference to static, paired per
    user, and is drawn around the mean: where it excludes static's curve, other users would gain
    too.

    Args:
        measured: By model name, on the same windows; static among them.
        recording_users: User of each recording.
        bootstrap_draws: Resamples of the users.
    """
    users = sorted(set(recording_users))
    position = torch.tensor([users.index(user) for user in recording_users])
    per_user = {}
    for name, one in measured.items():
        sums, counts = group_sums(
            one.step_errors_deg, one.step_valid, position[one.recording_index], len(users)
        )
        known = counts.sum(1) > 0
        per_user[name] = (sums / counts)[known]
    static = per_user[REFERENCE]
    weights = bootstrap_weights(len(static), bootstrap_draws, seed=0)
    curves = {}
    for name, errors_deg in per_user.items():
        low, high = bootstrap_interval(errors_deg - static, weights)
        curves[name] = ErrorCurve(
            measured[name].steps_s,
            errors_deg.nanmean(0).tolist(),
            (static.nanmean(0) + low).tolist(),
            (static.nanmean(0) + high).tolist(),
        )
    return curves


def error_figure(curves: Mapping[str, ErrorCurve], *, title: str = "Error by horizon") -> Figure:
    """Figure of the errors of several models against the horizon.

    Args:
        curves: By model name.
        title: Heading of the figure.

    Raises:
        InputError: There is no curve.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    draw_errors(axes, curves)
    set_title(axes, title)
    return figure


def draw_errors(axes: Axes, curves: Mapping[str, ErrorCurve]) -> None:
    """Draw the curves into axes, each named at its right end.

    Args:
        axes: Where to draw.
        curves: By model name; the models of `BASELINE_LINES` are drawn as grey dashed lines.

    Raises:
        InputError: There is no curve.
    """
    if not curves:
        raise InputError("there is no error to draw; give at least one evaluated model")
    models = [name for name in curves if name not in BASELINE_LINES]
    ends: list[tuple[float, float, str, str]] = []
    has_band = False
    for name, curve in curves.items():
        horizons_s, mean_deg, low_deg, high_deg = curve
        if name in BASELINE_LINES:
            color = GREY
            axes.plot(horizons_s, mean_deg, color=color, lw=1.6, ls=BASELINE_LINES[name], zorder=2)
        else:
            color = MODEL_COLORS[models.index(name) % len(MODEL_COLORS)]
            axes.fill_between(horizons_s, low_deg, high_deg, color=color, alpha=0.2, lw=0)
            axes.plot(horizons_s, mean_deg, color=color, lw=2.4, solid_capstyle="round", zorder=3)
            has_band |= not all(map(math.isnan, low_deg))
        known = [at for at in zip(horizons_s, mean_deg, strict=True) if not math.isnan(at[1])]
        if known:
            ends.append((*known[-1], name, color))
    axes.set_xlim(0, max(max(curve.horizons_s) for curve in curves.values()))
    axes.set_ylim(bottom=0)
    _label_ends(axes, ends)
    if has_band:
        axes.text(
            0.98,
            0.03,
            "band: 95 % interval of the difference\nto static, paired, over users",
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
    top = axes.get_ylim()[1]
    ends = sorted(ends, key=lambda end: end[1])
    heights = spread([end[1] / top for end in ends], LABEL_SPACING)
    for (horizon_s, mean_deg, name, color), height in zip(ends, heights, strict=True):
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
