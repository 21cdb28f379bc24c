import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from vpnet.errors import InputError
from vpnet.evaluation.measurements import Measurements
from vpnet.plots.curves import draw_errors, error_curves, error_figure, gates_figure
from vpnet.plots.style import GREY, MODEL_COLORS, save_figure


def test_models_have_colours_and_bands_and_baselines_are_grey(curves):
    axes = Figure().add_subplot()
    draw_errors(axes, curves)
    static, fusion, lstm = axes.lines
    assert (static.get_color(), fusion.get_color(), lstm.get_color()) == (GREY, *MODEL_COLORS[:2])
    assert static.get_linestyle() != "-"
    bands = [band for band in axes.collections if isinstance(band, PolyCollection)]
    assert len(bands) == 2
    assert np.asarray(fusion.get_ydata()).tolist() == pytest.approx(curves["fusion"].mean_deg)
    highest = bands[0].get_paths()[0].get_extents().y1
    assert highest == pytest.approx(max(curves["fusion"].high_deg))


def test_each_curve_is_named_at_its_last_known_step(curves):
    axes = Figure().add_subplot()
    draw_errors(axes, curves)
    ends = {text.get_text(): text.xy for text in axes.texts if isinstance(text, Annotation)}
    assert set(ends) == {"static", "fusion", "lstm"}
    assert ends["fusion"] == (5.0, curves["fusion"].mean_deg[-1])
    assert ends["lstm"] == (4.8, curves["lstm"].mean_deg[-2])


def test_bands_are_those_of_the_paired_difference_to_static():
    """Users differ by 40 degrees, the gain of every user is 4 to 6: the band is narrow."""
    errors_deg = torch.tensor([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]], dtype=torch.float64)
    gain_deg = torch.tensor([[4.0], [5.0], [6.0]], dtype=torch.float64)
    measured = {}
    for name, errors in (("lstm", errors_deg - gain_deg), ("static", errors_deg)):
        measured[name] = Measurements(
            recording_index=torch.arange(3),
            steps_s=(0.2, 0.4),
            step_errors_deg=errors,
            step_valid=torch.ones(3, 2, dtype=torch.bool),
            horizons_s=(),
            metrics={},
            valid=torch.ones(3, 0, dtype=torch.bool),
            ranges={},
        )
    curve = error_curves(measured, ["eve", "bob", "ada", "not tested"], 2000)["lstm"]
    assert list(curve.horizons_s) == [0.2, 0.4]
    assert curve.mean_deg == pytest.approx([25.0, 35.0])
    # With three users the extreme resamples are the extreme users.
    assert curve.low_deg == pytest.approx([30.0 - 6.0, 40.0 - 6.0])
    assert curve.high_deg == pytest.approx([30.0 - 4.0, 40.0 - 4.0])


def test_the_figure_of_errors_is_not_empty(curves, tmp_path: Path):
    save_figure(error_figure(curves, title="Simulated"), tmp_path / "error.png")
    image = matplotlib.image.imread(tmp_path / "error.png")
    assert image.shape[1] > 1200
    assert (image[..., :3].min(axis=-1) < 0.9).mean() > 0.01


def test_one_user_has_no_band_and_no_note_of_one(curves):
    one = {
        name: curve._replace(low_deg=[math.nan] * 25, high_deg=[math.nan] * 25)
        for name, curve in curves.items()
    }
    for shown, expected in ((curves, 1), (one, 0)):
        axes = Figure().add_subplot()
        draw_errors(axes, shown)
        assert sum("95 %" in text.get_text() for text in axes.texts) == expected


def test_no_error_is_refused():
    with pytest.raises(InputError, match="no error to draw; give at least one evaluated model"):
        error_figure({})


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
def test_the_figure_of_gates_is_not_empty(anchors, gates, tmp_path):
    path = tmp_path / "gates.png"
    some = {name: gate[:, :anchors] for name, gate in gates.items()}
    save_figure(gates_figure(some, torch.arange(6.0, 6.0 + anchors)), path)
    picture = matplotlib.image.imread(path)
    assert min(picture.shape[:2]) > 200
    assert picture[..., :3].std() > 0.01, "not blank"


def test_no_gate_is_refused():
    with pytest.raises(InputError, match="there is no gate to draw"):
        gates_figure({}, torch.zeros(0))
