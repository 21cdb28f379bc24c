import matplotlib.image
import pytest
import torch
from matplotlib.collections import PolyCollection

from vpnet.errors import InputError
from vpnet.plots.gates import gates_figure
from vpnet.plots.style import MODEL_COLORS, save_figure


@pytest.fixture
def gates() -> dict[str, torch.Tensor]:
    """Two viewers; both lose their eyes for two seconds, one leaves early; simulated."""
    anchors_s = torch.arange(6, 26)
    eye = 0.6 + 0.1 * torch.sin(anchors_s / 3)
    eye[8:10] = torch.nan
    head = 0.5 + 0.2 * torch.cos(anchors_s / 4)
    left = torch.where(anchors_s > 20, torch.nan, head - 0.1)
    return {"head": torch.stack((head, left)), "eye": torch.stack((eye, eye + 0.1))}


def test_every_stream_is_its_mean_over_viewers_with_an_interval(gates):
    anchors_s = torch.arange(6.0, 26.0)
    (axes,) = gates_figure(gates, anchors_s, title="Gates: 2 viewers").axes
    lines = {line.get_color(): line for line in axes.get_lines()}
    assert len(lines) == 2
    for color, values in zip(MODEL_COLORS, gates.values(), strict=False):
        found_s, found = lines[color].get_data()
        assert list(found_s) == anchors_s.tolist()
        assert list(found) == pytest.approx(values.nanmean(0).tolist(), nan_ok=True)
    bands = [band for band in axes.collections if isinstance(band, PolyCollection)]
    assert len(bands) == 2
    # With two viewers the extreme resamples are the viewers.
    highest = max(path.get_extents().y1 for path in bands[0].get_paths())
    assert highest == pytest.approx(float(gates["head"][0, :15].max()))
    assert axes.get_ylim() == (0, 1)
    texts = {text.get_text(): text.get_color() for text in axes.texts}
    assert texts.pop("band: 95 % interval over viewers")
    assert texts == dict(zip(gates, MODEL_COLORS, strict=False))
    assert axes.get_title(loc="left") == "Gates: 2 viewers"


def test_one_viewer_has_no_interval_and_no_note_of_one(gates):
    one = {name: gate[:1] for name, gate in gates.items()}
    (axes,) = gates_figure(one, torch.arange(6.0, 26.0)).axes
    assert {text.get_text() for text in axes.texts} == {"head", "eye"}


def test_a_stream_that_is_always_lost_has_no_line(gates):
    lost = gates | {"face": torch.full((2, 20), torch.nan)}
    (axes,) = gates_figure(lost, torch.arange(6.0, 26.0)).axes
    assert len(axes.get_lines()) == 2


@pytest.mark.parametrize("anchors", [1, 20])
def test_the_figure_is_not_empty(anchors, gates, tmp_path):
    path = tmp_path / "gates.png"
    some = {name: gate[:, :anchors] for name, gate in gates.items()}
    save_figure(gates_figure(some, torch.arange(6.0, 6.0 + anchors)), path)
    picture = matplotlib.image.imread(path)
    assert min(picture.shape[:2]) > 200
    assert picture[..., :3].std() > 0.01, "not blank"


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="there is no gate to draw"):
        gates_figure({}, torch.zeros(0))
