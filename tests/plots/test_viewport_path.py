from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from scipy.spatial.transform import Rotation

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles, great_circle_distance, normalize
from vpnet.plots.style import save_figure
from vpnet.plots.viewport_path import (
    FAINTEST,
    PREDICTED_COLOR,
    TRUE_COLOR,
    circle,
    draw_path,
    frame_lines,
    overview_figure,
    path_figure,
)


def drawn_pieces(axes, color):
    """Solid lines of a colour, as arrays of yaw and elevation with their opacity."""
    return [
        (np.column_stack(line.get_data()), line.get_color()[3])
        for line in axes.lines
        if same_color(line, color) and line.get_linestyle() == "-" and len(line.get_xdata()) > 1
    ]


def same_color(line, color) -> bool:
    return to_rgba(line.get_color())[:3] == to_rgba(color)[:3]


def test_paths_start_now_and_end_where_they_should(forecast):
    axes = Figure().add_subplot()
    draw_path(axes, forecast)
    true, predicted = (drawn_pieces(axes, color) for color in (TRUE_COLOR, PREDICTED_COLOR))
    assert len(true) == len(predicted) == 5, "a piece a step, one crosses the seam"
    for path in (true, predicted):
        assert path[0][0][0].tolist() == pytest.approx([150, 0])
    assert true[2][0][-1, 0] == 180
    assert true[3][0][0, 0] == -180
    assert true[-1][0][-1].tolist() == pytest.approx([-160, 15])
    assert predicted[-1][0][-1].tolist() == pytest.approx([-179, 0])


def test_paths_fade_with_the_horizon(forecast):
    axes = Figure().add_subplot()
    draw_path(axes, forecast)
    for color in (TRUE_COLOR, PREDICTED_COLOR):
        opacities = [opacity for _, opacity in drawn_pieces(axes, color)]
        assert opacities == sorted(opacities, reverse=True)
        assert opacities[-1] == pytest.approx(FAINTEST)
        marks = [
            line
            for line in axes.lines
            if same_color(line, color) and line.get_marker() in ("o", "s")
        ]
        assert len(marks) == 2, "at 1 s, and at the end"


def test_nothing_is_drawn_across_the_frame(forecast):
    axes = Figure().add_subplot()
    draw_path(axes, forecast)
    for line in axes.lines:
        assert np.abs(np.diff(np.atleast_1d(line.get_xdata()))).max(initial=0) < 90


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
    figure = path_figure([forecast._replace(background=background)], title="Simulated")
    save_figure(figure, tmp_path / "path.png")
    image = matplotlib.image.imread(tmp_path / "path.png")[..., :3]
    height, width = image.shape[:2]
    upper_left = image[int(0.2 * height) : int(0.3 * height), int(0.2 * width) : int(0.3 * width)]
    lower_left = image[int(0.6 * height) : int(0.7 * height), int(0.2 * width) : int(0.3 * width)]
    assert np.abs(np.median(upper_left, (0, 1)) - np.median(lower_left, (0, 1))).max() > 0.3


def test_the_overview_has_a_panel_a_viewer_and_the_errors(forecast, curves, tmp_path: Path):
    figure = overview_figure([forecast] * 4, curves, title="lstm on simulated")
    assert len(figure.axes) == 4
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        *["viewer S01"] * 3,
        "Error by horizon",
    ]
    save_figure(figure, tmp_path / "overview.png")
    image = matplotlib.image.imread(tmp_path / "overview.png")[..., :3]
    assert image.shape[1] > 2000
    ink = image.min(axis=-1) < 0.9
    for half in (*np.array_split(ink, 2, axis=1), *np.array_split(ink, 2, axis=0)):
        assert half.mean() > 0.005
    assert len(overview_figure([forecast], curves).axes) == 2


def test_nothing_to_draw_is_refused(curves):
    for make in (lambda: path_figure([]), lambda: overview_figure([], curves)):
        with pytest.raises(InputError, match="no path to draw; give at least one window"):
            make()


@pytest.mark.parametrize("shape", [(3, 30, 60), (60,), (30, 60, 4)])
def test_a_background_must_be_an_image(forecast, shape):
    with pytest.raises(InputError, match=r"\(height, width, 3\), got shape"):
        path_figure([forecast._replace(background=torch.zeros(shape))])


def test_a_path_inside_the_frame_is_one_line(directions_at):
    (line,) = frame_lines(directions_at([-30.0, 0.0, 40.0]))
    assert line[0].tolist() == pytest.approx([-30, 0])
    assert line[-1].tolist() == pytest.approx([40, 0])
    assert (line[1:, 0] > line[:-1, 0]).all()


@pytest.mark.parametrize(("turn", "edge"), [(1, 180), (-1, -180)], ids=["right", "left"])
def test_a_line_leaves_at_one_edge_and_enters_at_the_other(directions_at, turn, edge):
    path = directions_at([turn * 170.0, turn * 190.0], [10.0, 20.0])
    first, second = frame_lines(path)
    assert first[0].tolist() == pytest.approx([turn * 170, 10])
    assert first[-1, 0] == edge
    assert second[0, 0] == -edge
    assert first[-1, 1] == second[0, 1]
    assert second[-1].tolist() == pytest.approx([turn * -170, 20])
    # The great circle is symmetric about its middle, where it is a little above 15 degrees.
    assert 15 < first[-1, 1] < 16


def test_every_crossing_cuts(directions_at):
    lines = frame_lines(directions_at([170.0, 190.0, 170.0, 190.0]))
    assert [line[-1, 0].item() > 0 for line in lines] == [True, False, True, False]


def test_a_path_that_starts_on_the_seam_is_not_torn(directions_at):
    lines = frame_lines(directions_at([180.0, 175.0]))
    assert all((line[1:, 0] - line[:-1, 0]).abs().max() < 2 for line in lines if len(line) > 1)


def test_a_line_follows_the_great_circle(directions_at):
    path = directions_at([0.0, 90.0], 45.0)
    (line,) = frame_lines(path)
    turn = Rotation.align_vectors(path[1:].numpy(), path[:1].numpy())[0]
    middle = Rotation.from_rotvec(turn.as_rotvec() / 2).apply(path[0].numpy())
    at_middle = line[(line[:, 0] - 45).abs().argmin()]
    drawn = direction_from_angles(*torch.deg2rad(at_middle))
    assert drawn.tolist() == pytest.approx(middle.tolist(), abs=0.02)
    assert at_middle[1] > 50, "a straight line on the frame would stay at 45 degrees"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_no_line_crosses_the_frame(seed, steps):
    generator = torch.Generator().manual_seed(seed)
    path = normalize(torch.randn(steps, 3, generator=generator, dtype=torch.float64))
    lines = frame_lines(path)
    for line in lines:
        assert line[:, 0].abs().max() <= 180
        assert (line[1:, 0] - line[:-1, 0]).abs().max() <= 180
    for before, after in zip(lines[:-1], lines[1:], strict=True):
        assert before[-1, 0] == -after[0, 0]
        assert before[-1, 0].abs() == 180
        assert before[-1, 1] == after[0, 1]
    ends = torch.stack((lines[0][0], lines[-1][-1]))
    torch.testing.assert_close(direction_from_angles(*torch.deg2rad(ends).T), path[[0, -1]])


def test_a_path_of_one_direction_is_a_point(directions_at):
    (line,) = frame_lines(directions_at([20.0], 10.0))
    assert line.shape == (1, 2)
    assert line[0].tolist() == pytest.approx([20, 10])
