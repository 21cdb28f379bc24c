"""Gates over time: how far a model lets each stream in while viewers watch a video."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from vpnet.errors import InputError
from vpnet.evaluation.averages import bootstrap_interval, bootstrap_weights
from vpnet.plots.style import (
    INK,
    LABEL_SPACING,
    LIGHT,
    MODEL_COLORS,
    polish,
    set_title,
    spread,
)


def gates_figure(
    gates: Mapping[str, Tensor],
    anchors_s: Tensor,
    *,
    title: str = "Gates",
    bootstrap_draws: int = 2_000,
) -> Figure:
    """Draw the gate of each stream, averaged over viewers, with its 95 % interval over viewers.

    Where a stream is lost its line is interrupted.

    Args:
        gates: By stream, in [0, 1], NaN where a viewer has no such window or has lost the stream,
            each of shape ``(viewers, anchors)``.
        anchors_s: Playback times, increasing, shape ``(anchors,)``.
        title: Heading of the figure.
        bootstrap_draws: Resamples of the viewers.

    Raises:
        InputError: There is no gate.
    """
    if not gates:
        raise InputError("there is no gate to draw; give a model that has gates")
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.add_subplot()
    times_s = anchors_s.tolist()
    ends: list[tuple[float, str, str]] = []
    viewers = max(len(gate) for gate in gates.values())
    for (name, gate), color in zip(gates.items(), MODEL_COLORS, strict=False):
        mean = gate.nanmean(0)
        known = mean[~mean.isnan()]
        if not len(known):
            continue
        ends.append((float(known[-1]), name, color))
        weights = bootstrap_weights(len(gate), bootstrap_draws, seed=0)
        low, high = bootstrap_interval(gate.double(), weights)
        axes.fill_between(times_s, low.tolist(), high.tolist(), color=color, alpha=0.2, lw=0)
        axes.plot(
            times_s,
            mean.tolist(),
            color=color,
            lw=1.8,
            marker="o" if len(times_s) == 1 else None,
            solid_capstyle="round",
        )
    ends.sort()
    heights = spread([height for height, _, _ in ends], 1.4 * LABEL_SPACING)
    for (_, name, color), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            xy=(1.02, height),
            xycoords="axes fraction",
            color=color,
            fontsize=9.5,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(0, 1)
    if len(times_s) > 1:
        axes.set_xlim(times_s[0], times_s[-1])
    axes.grid(axis="y", color=LIGHT, lw=0.7)
    axes.set_xlabel("playback time (s)", color=INK)
    axes.set_ylabel("gate", color=INK)
    if viewers > 1:
        axes.text(
            0.98,
            0.03,
            "band: 95 % interval over viewers",
            transform=axes.transAxes,
            ha="right",
            color=INK,
            fontsize=8.5,
        )
    polish(axes)
    set_title(axes, title)
    return figure
