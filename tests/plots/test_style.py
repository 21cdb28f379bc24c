import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.plots.style import PlotSettings, save_figure, spread


@pytest.mark.parametrize(
    ("ending", "magic"), [("png", b"\x89PNG"), ("PDF", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_ending_chooses_the_format(tmp_path: Path, ending, magic):
    path = tmp_path / "new" / f"figure.{ending}"
    save_figure(Figure(), path)
    assert path.read_bytes().startswith(magic)
    assert list(path.parent.iterdir()) == [path], "no temporary file stays"


@pytest.mark.parametrize("name", ["figure.jpeg", "figure"])
def test_other_endings_are_refused(tmp_path: Path, name):
    with pytest.raises(InputError, match=rf"saved as png, pdf, svg, got '{name}'; change the"):
        save_figure(Figure(), tmp_path / name)


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "figure.png"
    path.write_text("old")
    figure = Figure()
    figure.text(0.5, 0.5, r"$\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(figure, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("given", "formats"), [("pdf", ("pdf",)), (["png", "svg", "png"], ("png", "svg"))]
)
def test_one_format_or_several(given, formats):
    assert PlotSettings(given).formats == formats


@pytest.mark.parametrize("given", ["jpg", [], ["png", "jpg"], None])
def test_unknown_formats_are_refused(given):
    with pytest.raises(InputError, match="format must be"):
        PlotSettings(given)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.2))
def test_spread_labels_keep_order_and_distance(heights, spacing):
    heights = sorted(heights)
    moved = spread(heights, spacing)
    assert len(moved) == len(heights)
    assert all(b - a >= spacing - 1e-9 for a, b in zip(moved, moved[1:], strict=False))
    assert math.fsum(moved) == pytest.approx(math.fsum(heights)), "the middle stays"


def test_labels_far_apart_stay_where_they_are():
    assert spread([0.1, 0.5, 0.52, 0.9], 0.06) == pytest.approx([0.1, 0.48, 0.54, 0.9])
