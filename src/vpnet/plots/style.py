"""The look that all figures share, their settings, and how they are saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from vpnet.errors import InputError
from vpnet.settings import checked
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
Format = Literal["png", "pdf", "svg"]


@checked
@dataclass(frozen=True)
class PlotSettings:
    """The pictures that a run leaves.

    Args:
        format: File format of the pictures, or a list such as [png,pdf]; none draws no pictures.
            W&B is sent png alone.
    """

    format: Format | Literal["none"] | Annotated[Sequence[Format], Field(min_length=1)] = "png"

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats, each once."""
        if self.format == "none":
            return ()
        given = (self.format,) if isinstance(self.format, str) else self.format
        return tuple(dict.fromkeys(given))


def polish(axes: Axes) -> None:
    """Open frame, quiet ticks: the data are the darkest thing on the page."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=GREY, labelcolor=INK, labelsize=9, length=3)
    axes.set_axisbelow(True)


def set_title(axes: Axes, title: str) -> None:
    """Title at the left edge of the axes."""
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=10)


def spread(heights: Sequence[float], spacing: float) -> list[float]:
    """Heights moved apart to at least ``spacing``, each group staying around its middle.

    Args:
        heights: Increasing.
        spacing: Smallest distance between two neighbours.

    Returns:
        Heights, increasing, at least ``spacing`` apart.
    """
    groups: list[list[float]] = []

    def bottom(group: Sequence[float]) -> float:
        return sum(group) / len(group) - (len(group) - 1) * spacing / 2

    for height in heights:
        groups.append([height])
        while len(groups) > 1:
            below, last = groups[-2:]
            if bottom(below) + len(below) * spacing <= bottom(last):
                break
            groups[-2:] = [below + last]
    return [
        bottom(group) + position * spacing for group in groups for position in range(len(group))
    ]


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
