"""Curves with bands: the error against the horizon, and the gates over the playback time."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights, group_sums
from vpnet.evaluation.measurements import Measurements
from vpnet.plots.style import GREY, INK, LIGHT, MODEL_COLORS, polish, set_title, spread

REFERENCE = "static"
"""The model that the others are compared with."""

BASELINE_LINES: Mapping[str, Any] = {
    REFERENCE: (0, (5, 2)),
    "constant_velocity": (0, (1, 1.5)),
    "linear": (0, (5, 1.5, 1, 1.5)),
}
"""Models drawn as grey lines without a band, and their dashes."""

LABEL_SPACING = 0.06
"""Smallest distance between two labels, in heights of the axes."""

GATE_DRAWS = 2_000
"""Resamples of the viewers."""


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
            color, label = GREY, name.replace("_", " ")
            axes.plot(horizons_s, mean_deg, color=color, lw=1.6, ls=BASELINE_LINES[name], zorder=2)
        else:
            color, label = MODEL_COLORS[models.index(name) % len(MODEL_COLORS)], name
            axes.fill_between(horizons_s, low_deg, high_deg, color=color, alpha=0.2, lw=0)
            axes.plot(horizons_s, mean_deg, color=color, lw=2.4, solid_capstyle="round", zorder=3)
            has_band |= not all(map(math.isnan, low_deg))
        known = [at for at in zip(horizons_s, mean_deg, strict=True) if not math.isnan(at[1])]
        if known:
            ends.append((*known[-1], label, color))
    axes.set_xlim(0, max(max(curve.horizons_s) for curve in curves.values()))
    axes.set_ylim(bottom=0)
    _label_ends(axes, ends, LABEL_SPACING)
    if has_band:
        _note(axes, "band: 95 % interval of the difference\nto static, paired, over users", GREY)
    _finish(axes, "horizon (s)", "great-circle error (degrees)")


def gates_figure(gates: Mapping[str, Tensor], anchors_s: Tensor, *, title: str = "Gates") -> Figure:
    """Draw how far a model lets each stream in: the mean over viewers, with its 95 % interval.

    Where a stream is lost its line is interrupted.

    Args:
        gates: By stream, in [0, 1], NaN where a viewer has no such window or has lost the stream,
            each of shape ``(viewers, anchors)``.
        anchors_s: Playback times, increasing, shape ``(anchors,)``.
        title: Heading of the figure.

    Raises:
        InputError: There is no gate.
    """
    if not gates:
        raise InputError("there is no gate to draw; give a model that has gates")
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.add_subplot()
    times_s = anchors_s.tolist()
    marker = "o" if len(times_s) == 1 else None
    ends: list[tuple[float, float, str, str]] = []
    for (name, gate), color in zip(gates.items(), MODEL_COLORS, strict=False):
        mean = gate.nanmean(0)
        known = mean[~mean.isnan()]
        if not len(known):
            continue
        ends.append((times_s[-1], float(known[-1]), name, color))
        low, high = bootstrap_interval(
            gate.double(), bootstrap_weights(len(gate), GATE_DRAWS, seed=0)
        )
        axes.fill_between(times_s, low.tolist(), high.tolist(), color=color, alpha=0.2, lw=0)
        axes.plot(
            times_s, mean.tolist(), color=color, lw=1.8, marker=marker, solid_capstyle="round"
        )
    axes.set_ylim(0, 1)
    if len(times_s) > 1:
        axes.set_xlim(times_s[0], times_s[-1])
    _label_ends(axes, ends, 1.4 * LABEL_SPACING)
    if max(len(gate) for gate in gates.values()) > 1:
        _note(axes, "band: 95 % interval over viewers", INK)
    _finish(axes, "playback time (s)", "gate")
    set_title(axes, title)
    return figure


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]], spacing: float) -> None:
    """Name curves, given by last point, label and colour, and move names apart that overlap."""
    top = axes.get_ylim()[1]
    ends = sorted(ends, key=lambda end: end[1])
    heights = spread([end[1] / top for end in ends], spacing)
    for (x, y, label, color), height in zip(ends, heights, strict=True):
        axes.annotate(
            label,
            xy=(x, y),
            xytext=(1.02, height),
            textcoords="axes fraction",
            color=color,
            fontsize=9.5,
            fontweight="normal" if color == GREY else "bold",
            va="center",
            annotation_clip=False,
        )


def _note(axes: Axes, text: str, color: str) -> None:
    axes.text(0.98, 0.03, text, transform=axes.transAxes, ha="right", color=color, fontsize=8.5)


def _finish(axes: Axes, x_label: str, y_label: str) -> None:
    axes.grid(axis="y", color=LIGHT, lw=0.7)
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    polish(axes)
