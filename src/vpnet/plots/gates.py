"""Gates over time: how far each stream of one viewer is let in."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from vpnet.errors import InputError
from vpnet.plots.error_by_horizon import LABEL_SPACING, spread
from vpnet.plots.style import INK, LIGHT, MODEL_COLORS, polish, save_figure, set_title


def plot_gates(
    gates: Mapping[str, Tensor], anchors_s: Tensor, path: Path, *, title: str = "Gates"
) -> None:
    """Draw the mean gate of each stream at every anchor of a recording.

    Args:
        gates: By stream, in [0, 1], 0 where the stream is lost, each of shape ``(anchors,)``.
        anchors_s: Playback times, increasing, shape ``(anchors,)``.
        path: File to write: png, pdf or svg.
        title: Heading of the figure.

    Raises:
        InputError: There is no gate, or the file's ending is unknown.
    """
    if not gates:
        raise InputError("there is no gate to draw; give a model that has gates")
    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    axes = figure.add_subplot()
    order = sorted(gates, key=lambda name: float(gates[name][-1]))
    heights = spread([float(gates[name][-1]) for name in order], 2 * LABEL_SPACING)
    color_of = dict(zip(gates, MODEL_COLORS, strict=False))
    for name, height in zip(order, heights, strict=True):
        axes.plot(
            anchors_s.tolist(),
            gates[name].tolist(),
            color=color_of[name],
            lw=1.8,
            marker="o" if len(anchors_s) == 1 else None,
            solid_capstyle="round",
        )
        axes.annotate(
            name,
            xy=(float(anchors_s[-1]), height),
            xytext=(1.02, height),
            textcoords="axes fraction",
            color=color_of[name],
            fontsize=9.5,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(0, 1)
    if len(anchors_s) > 1:
        axes.set_xlim(float(anchors_s[0]), float(anchors_s[-1]))
    axes.grid(axis="y", color=LIGHT, lw=0.7)
    axes.set_xlabel("playback time (s)", color=INK)
    axes.set_ylabel("mean gate", color=INK)
    polish(axes)
    set_title(axes, title)
    save_figure(figure, path)
