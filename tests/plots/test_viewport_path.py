from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.plots.overview import plot_overview
from vpnet.plots.viewport_path import (
    PREDICTED_COLOR,
    TRUE_COLOR,
    circle,
    draw_viewport_path,
    plot_viewport_path,
)


def drawn_paths(axes, color):
    """Solid lines of a colour, as arrays of yaw and elevation."""
    return [
        np.column_stack(line.get_data())
        for line in axes.lines
        if line.get_color() == color and line.get_linestyle() == "-" and len(line.get_xdata()) > 1
    ]


def test_paths_start_now_and_end_where_they_should(forecast):
    axes = Figure().add_subplot()
    draw_viewport_path(axes, [forecast])
    true, predicted = drawn_paths(axes, TRUE_COLOR), drawn_paths(axes, PREDICTED_COLOR)
    assert len(true) == len(predicted) == 2, "both cross the seam once"
    for path in (true, predicted):
        assert path[0][0].tolist() == pytest.approx([150, 0])
        assert path[0][-1, 0] == 180
        assert path[1][0, 0] == -180
    assert true[1][-1].tolist() == pytest.approx([-160, 15])
    assert predicted[1][-1].tolist() == pytest.approx([-179, 0])


def test_nothing_is_drawn_across_the_frame(forecast):
    axes = Figure().add_subplot()
    draw_viewport_path(axes, [forecast])
    for line in axes.lines:
        assert np.abs(np.diff(np.atleast_1d(line.get_xdata()))).max(initial=0) < 90


def test_circles_are_drawn_around_a_single_window_only(forecast):
    one, two = Figure().add_subplot(), Figure().add_subplot()
    draw_viewport_path(one, [forecast])
    draw_viewport_path(two, [forecast, forecast])
    labels = []
    for axes in (one, two):
        legend = axes.get_legend()
        assert legend is not None
        labels.append([text.get_text() for text in legend.get_texts()])
    assert labels[0] == [*labels[1], "field of view at the end"]


def test_a_circle_keeps_its_distance(directions_at):
    for center in directions_at([0.0, 170.0, 20.0], [0.0, -60.0, 90.0]):
        outline = circle(center, 100.0)
        distance_deg = torch.rad2deg(great_circle_distance(center, outline))
        assert distance_deg.tolist() == pytest.approx([50.0] * len(outline))
        torch.testing.assert_close(outline[0], outline[-1])


@pytest.mark.parametrize("shape", [(30, 60), (30, 60, 3)], ids=["saliency", "frame"])
def test_a_background_shows_where_its_pixels_are(forecast, tmp_path: Path, shape):
    background = torch.ones(shape)
    background[:15, :30] = 0  # the upper left quarter: negative yaw, positive elevation
    plot_viewport_path([forecast], tmp_path / "path.png", title="Simulated", background=background)
    image = matplotlib.image.imread(tmp_path / "path.png")[..., :3]
    height, width = image.shape[:2]
    upper_left = image[int(0.2 * height) : int(0.3 * height), int(0.2 * width) : int(0.3 * width)]
    lower_left = image[int(0.6 * height) : int(0.7 * height), int(0.2 * width) : int(0.3 * width)]
    assert np.abs(np.median(upper_left, (0, 1)) - np.median(lower_left, (0, 1))).max() > 0.3


def test_the_overview_has_both_sides(forecast, curves, tmp_path: Path):
    plot_overview([forecast], curves, tmp_path / "overview.png")
    image = matplotlib.image.imread(tmp_path / "overview.png")[..., :3]
    assert image.shape[1] > 2000
    ink = image.min(axis=-1) < 0.9
    halves = np.array_split(ink, 2, axis=1)
    assert all(half.mean() > 0.005 for half in halves)


def test_nothing_to_draw_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no path to draw; give at least one window"):
        plot_viewport_path([], tmp_path / "path.png")


@pytest.mark.parametrize("shape", [(3, 30, 60), (60,), (30, 60, 4)])
def test_a_background_must_be_an_image(forecast, tmp_path: Path, shape):
    with pytest.raises(InputError, match=r"\(height, width, 3\), got shape"):
        plot_viewport_path([forecast], tmp_path / "path.png", background=torch.zeros(shape))
