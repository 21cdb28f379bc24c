import matplotlib.image
import pytest
import torch

from vpnet.errors import InputError
from vpnet.plots.gates import gates_figure, plot_gates
from vpnet.plots.style import MODEL_COLORS


@pytest.fixture
def gates() -> dict[str, torch.Tensor]:
    """A viewer whose eyes are lost for two seconds; simulated."""
    anchors_s = torch.arange(6, 26)
    eye = 0.6 + 0.1 * torch.sin(anchors_s / 3)
    eye[8:10] = 0.0
    return {"head": 0.5 + 0.2 * torch.cos(anchors_s / 4), "eye": eye, "face": 0.2 * eye}


def test_every_stream_is_a_line_over_time(gates):
    anchors_s = torch.arange(6.0, 26.0)
    (axes,) = gates_figure(gates, anchors_s, title="Gates: viewer S01").axes
    lines = {line.get_color(): line for line in axes.get_lines()}
    assert len(lines) == 3
    for color, values in zip(MODEL_COLORS, gates.values(), strict=False):
        found_s, found = lines[color].get_data()
        assert list(found_s) == anchors_s.tolist()
        drawn = values.where(values > 0, torch.nan)
        assert list(found) == pytest.approx(drawn.tolist(), nan_ok=True)
    low, high = axes.get_ylim()
    assert 0 <= low < 0.2 * 0.5, "the lowest gate is that of the face"
    assert 0.7 < high < 0.8
    assert {text.get_text(): text.get_color() for text in axes.texts} == dict(
        zip(gates, MODEL_COLORS, strict=False)
    )
    assert axes.get_title(loc="left") == "Gates: viewer S01"


def test_gates_that_lie_close_together_are_told_apart():
    level = torch.full((20,), 0.5)
    lost = {"head": level, "eye": level + 0.02, "face": 0 * level}
    (axes,) = gates_figure(lost, torch.arange(6.0, 26.0)).axes
    assert axes.get_ylim() == pytest.approx((0.46, 0.56))
    assert {text.get_text() for text in axes.texts} == {"head", "eye"}


@pytest.mark.parametrize("anchors", [1, 20])
def test_a_picture_is_written(anchors, gates, tmp_path):
    path = tmp_path / "gates.png"
    some = {name: gate[:anchors] for name, gate in gates.items()}
    plot_gates(some, torch.arange(6.0, 6.0 + anchors), path)
    picture = matplotlib.image.imread(path)
    assert min(picture.shape[:2]) > 200
    assert picture[..., :3].std() > 0.01, "not blank"


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no gate to draw"):
        plot_gates({}, torch.zeros(0), tmp_path / "gates.png")
