"""Gates over time: how far each stream of one viewer is let in."""

from collections.abc import Mapping
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vpnet.errors import InputError
from vpnet.plots.error_by_horizon import LABEL_SPACING, spread
from vpnet.plots.style import INK, LIGHT, MODEL_COLORS, polish, save_figure, set_title

SMALLEST_RANGE = 0.1


def plot_gates(
    gates: Mapping[str, Tensor], anchors_s: Tensor, path: Path, *, title: str = "Gates"
) -> None:
    """Write `gates_figure` to a file.

    Args:
        gates: As there, as the next and the last.
        anchors_s: Playback times.
        path: File to write: png, pdf or svg.
        title: Heading of the figure.

    Raises:
        InputError: There is no gate, or the file's ending is unknown.
    """
    save_figure(gates_figure(gates, anchors_s, title=title), path)


def gates_figure(gates: Mapping[str, Tensor], anchors_s: Tensor, *, title: str = "Gates") -> Figure:
    """Draw the mean gate of each stream at every anchor of a recording.

    Where a stream is lost its line is interrupted. The axis shows the range of the gates alone, at
    least a tenth: they often lie close together.

    Args:
        gates: By stream, in [0, 1], 0 where the stream is lost, each of shape ``(anchors,)``.
        anchors_s: Playback times, increasing, shape ``(anchors,)``.
        title: Heading of the figure.

    Raises:
        InputError: There is no gate.
    """
    if not gates:
        raise InputError("there is no gate to draw; give a model that has gates")
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    axes = figure.add_subplot()
    measured = {name: gate[gate > 0] for name, gate in gates.items() if bool((gate > 0).any())}
    low, high = _limits(measured)
    ends = {name: (float(gate[-1]) - low) / (high - low) for name, gate in measured.items()}
    order = sorted(measured, key=lambda name: ends[name])
    heights = spread([ends[name] for name in order], 2 * LABEL_SPACING)
    color_of = dict(zip(gates, MODEL_COLORS, strict=False))
    for name, height in zip(order, heights, strict=True):
        axes.plot(
            anchors_s.tolist(),
            gates[name].where(gates[name] > 0, torch.nan).tolist(),
            color=color_of[name],
            lw=1.8,
            marker="o" if len(anchors_s) == 1 else None,
            solid_capstyle="round",
        )
        axes.annotate(
            name,
            xy=(1.02, height),
            xycoords="axes fraction",
            color=color_of[name],
            fontsize=9.5,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(low, high)
    if len(anchors_s) > 1:
        axes.set_xlim(float(anchors_s[0]), float(anchors_s[-1]))
    axes.grid(axis="y", color=LIGHT, lw=0.7)
    axes.set_xlabel("playback time (s)", color=INK)
    axes.set_ylabel("mean gate", color=INK)
    polish(axes)
    set_title(axes, title)
    return figure


def _limits(measured: Mapping[str, Tensor]) -> tuple[float, float]:
    """Lower and upper end of an axis around all gates, within [0, 1]."""
    if not measured:
        return 0.0, 1.0
    every = torch.cat(list(measured.values()))
    least, most = float(every.min()), float(every.max())
    middle, half = (least + most) / 2, max(0.55 * (most - least), SMALLEST_RANGE / 2)
    return max(0.0, middle - half), min(1.0, middle + half)
