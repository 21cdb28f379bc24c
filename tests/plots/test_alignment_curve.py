import dataclasses
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from vpnet.alignment.alignment import Alignment, find_peak, offsets_deg
from vpnet.errors import InputError
from vpnet.plots.alignment_curve import COLORS, alignment_figure
from vpnet.plots.style import save_figure

PEAKS_DEG = (87.0, 90.0, 93.0)


@pytest.fixture
def alignment() -> Alignment:
    """Three viewers who agree on about 90 degrees, mirrored."""
    offsets = offsets_deg(120)
    mirrored = [torch.exp(3 * (torch.cos(torch.deg2rad(offsets - peak)) - 1)) for peak in PEAKS_DEG]
    recorded = 0.2 * torch.cos(torch.deg2rad(offsets))
    curves = torch.stack([torch.stack((recorded, curve)) for curve in mirrored]).unsqueeze(1)
    mean = curves.mean((0, 1))
    best = find_peak(curves)
    assert best is not None
    return Alignment(offsets, mean[0], mean[1], best, 3, 300, {"v": best, "w": best}, {})


def test_both_mirrors_the_best_and_the_lead_are_drawn(alignment):
    (axes,) = alignment_figure(alignment).axes
    recorded, mirrored = (line for line in axes.lines if len(np.asarray(line.get_xdata())) == 120)
    assert np.asarray(recorded.get_ydata()).tolist() == alignment.nss.tolist()
    assert np.asarray(mirrored.get_ydata()).tolist() == alignment.nss_mirrored.tolist()
    assert mirrored.get_linewidth() > recorded.get_linewidth(), "the better one stands out"
    (mark,) = (line for line in axes.lines if line.get_marker() == "o")
    assert np.asarray(mark.get_xdata()).tolist() == pytest.approx([90.0], abs=0.5)
    assert mark.get_color() == COLORS[True]
    texts = [text.get_text() for text in axes.texts]
    assert texts[0] == "+90.0 degrees\nmirrored"
    assert texts[1].strip() == "lead over the next peak: 0.80"


def test_doubt_shows(alignment):
    (axes,) = alignment_figure(dataclasses.replace(alignment, users=2)).axes
    assert axes.texts[1].get_text().endswith("(not significant)")


def test_the_figure_is_written_and_not_empty(alignment, tmp_path: Path):
    save_figure(alignment_figure(alignment), tmp_path / "fit.png")
    image = matplotlib.image.imread(tmp_path / "fit.png")
    assert image.shape[1] > 1000
    assert (image[..., :3].min(axis=-1) < 0.9).mean() > 0.01


def test_without_a_curve_there_is_nothing_to_draw(alignment):
    with pytest.raises(InputError, match="there is no curve to draw: no map has a shape"):
        alignment_figure(dataclasses.replace(alignment, best=None))


@pytest.mark.parametrize(
    ("low_deg", "high_deg", "drawn"),
    [
        (85.0, 95.0, [(85.0, 95.0)]),
        (176.0, 183.0, [(-180.0, -177.0), (176.0, 180.0)]),
        (-184.0, -178.0, [(-180.0, -178.0), (176.0, 180.0)]),
        (float("nan"), float("nan"), []),
    ],
)
def test_the_interval_goes_on_at_the_other_end(alignment, low_deg, high_deg, drawn):
    best = dataclasses.replace(alignment.best, low_deg=low_deg, high_deg=high_deg)
    (axes,) = alignment_figure(dataclasses.replace(alignment, best=best)).axes
    bands = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    # The lead over the next peak spans the whole width, in shares of the axes.
    spans = [(band.get_x(), band.get_x() + band.get_width()) for band in bands]
    assert sorted(span for span in spans if span != (0.0, 1.0)) == drawn
