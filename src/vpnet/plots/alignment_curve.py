"""How well the recordings fit the maps, for every yaw offset and both mirrors."""

import math

from matplotlib.figure import Figure

from vpnet.alignment.alignment import Alignment
from vpnet.errors import InputError
from vpnet.plots.style import GREY, INK, LIGHT, MODEL_COLORS, polish, set_title

COLORS = {False: MODEL_COLORS[0], True: MODEL_COLORS[1]}
"""By mirror."""

LABELS = {False: "as recorded", True: "mirrored"}


def alignment_figure(alignment: Alignment) -> Figure:
    """The fit at every yaw offset: the best, its interval, and its lead over the next peak.

    Args:
        alignment: From `vpnet.alignment.alignment.find_alignment`.

    Raises:
        InputError: No map had a shape, so that there is no curve.
    """
    best = alignment.best
    if best is None:
        raise InputError(
            f"there is no curve to draw: {alignment.doubts[0]}; leave the plot out, or give maps "
            "with a shape"
        )
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for mirror, curve in ((False, alignment.nss), (True, alignment.nss_mirrored)):
        axes.plot(
            alignment.offsets_deg.tolist(),
            curve.tolist(),
            color=COLORS[mirror],
            lw=2.2 if mirror == best.mirror else 1.4,
            label=LABELS[mirror],
            zorder=3,
        )
    color = COLORS[best.mirror]
    if not math.isnan(best.low_deg):
        # What lies beyond one end of the frame shows at the other.
        for turn_deg in (-360.0, 0.0, 360.0):
            low_deg = max(best.low_deg + turn_deg, -180.0)
            high_deg = min(best.high_deg + turn_deg, 180.0)
            if low_deg <= high_deg:
                axes.axvspan(low_deg, high_deg, color=color, alpha=0.18, lw=0, zorder=1)
    axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    axes.axhspan(best.runner_up_nss, best.nss, color=LIGHT, alpha=0.45, lw=0, zorder=0)
    axes.plot([best.offset_deg], [best.nss], "o", color=color, ms=7, zorder=4)
    # At the right end of the frame the text would leave it.
    is_right = best.offset_deg > 60
    axes.annotate(
        f"{best.offset_deg:+.1f} degrees\n{LABELS[best.mirror]}",
        xy=(best.offset_deg, best.nss),
        xytext=(-9 if is_right else 9, -3),
        textcoords="offset points",
        ha="right" if is_right else "left",
        va="top",
        color=color,
        fontsize=9.5,
        fontweight="bold",
        zorder=5,
    )
    # On the side that the peak leaves free.
    side, anchor = (0.99, "right") if best.offset_deg < 0 else (0.01, "left")
    axes.text(
        side,
        best.runner_up_nss,
        f"lead over the next peak: {best.margin:.2f}"
        + (" (not significant)" if alignment.doubts else ""),
        transform=axes.get_yaxis_transform(),
        ha=anchor,
        va="bottom",
        color=GREY,
        fontsize=8.5,
        zorder=5,
    )
    axes.set_xlim(-180, 180)
    axes.set_xticks(range(-180, 181, 60))
    axes.set_xlabel("yaw offset added to the recordings (degrees)", color=INK)
    axes.set_ylabel("normalised scanpath saliency", color=INK)
    axes.legend(frameon=False, fontsize=9, loc="upper right" if not is_right else "upper left")
    polish(axes)
    set_title(axes, "Fit of viewing and video by yaw offset")
    return figure
