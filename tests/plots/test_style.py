from pathlib import Path

import pytest
from matplotlib.figure import Figure

from vpnet.errors import InputError
from vpnet.plots.style import save_figure


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
