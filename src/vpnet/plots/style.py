"""The look that all figures share, and how they are saved."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.whole_files import whole_file

INK = "#222222"
"""Text, and what was measured."""

GREY = "#7a7a7a"
"""Secondary text, baselines."""

LIGHT = "#d9d9d9"
"""Lines that only guide the eye."""

MODEL_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's palette (2008), for all kinds of colour vision; without black and yellow."""

DPI = 200
FORMATS = ("png", "pdf", "svg")


def polish(axes: Axes) -> None:
    """Open frame, quiet ticks: the data are the darkest thing on the page."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=GREY, labelcolor=INK, labelsize=9, length=3)
    axes.set_axisbelow(True)


def set_title(axes: Axes, title: str) -> None:
    """Title at the left edge of the axes."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=10)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all.

    Args:
        figure: What to write.
        path: File to write; its ending chooses the format. Its folder is made where missing.

    Raises:
        InputError: The ending is not one of the formats.
    """
    ending = path.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise InputError(
            f"a figure is saved as {', '.join(FORMATS)}, got {path.name!r}; "
            "change the ending of the file"
        )
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=ending, dpi=DPI, facecolor="white", bbox_inches="tight")
