import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from vpnet.errors import InputError
from vpnet.evaluation.evaluated_windows import EvaluatedWindows
from vpnet.evaluation.summary import summarize
from vpnet.plots.error_by_horizon import (
    curves_from_summaries,
    draw_error_by_horizon,
    plot_error_by_horizon,
    spread,
)
from vpnet.plots.style import GREY, MODEL_COLORS


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


def test_models_have_colours_and_bands_and_baselines_are_grey(curves):
    axes = Figure().add_subplot()
    draw_error_by_horizon(axes, curves)
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
    draw_error_by_horizon(axes, curves)
    ends = {text.get_text(): text.xy for text in axes.texts if isinstance(text, Annotation)}
    assert set(ends) == {"static", "fusion", "lstm"}
    assert ends["fusion"] == (5.0, curves["fusion"].mean_deg[-1])
    assert ends["lstm"] == (4.8, curves["lstm"].mean_deg[-2])


def test_curves_are_the_steps_of_the_summary():
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(
        torch.randn(2, 8, 5, 3, generator=generator, dtype=torch.float64), dim=-1
    )
    evaluated = EvaluatedWindows(
        directions[0],
        directions[1],
        torch.ones(8, 5, dtype=torch.bool),
        torch.arange(8) // 4,
        torch.arange(8),
    )
    summary = summarize(
        evaluated,
        recording_users=["ada", "bob"],
        horizons_s=[0.2, 0.4, 0.6, 0.8, 1.0],
        bootstrap_draws=100,
    )
    curve = curves_from_summaries({"lstm": summary})["lstm"]
    assert list(curve.horizons_s) == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert curve.mean_deg == summary["by_step"]["mean_deg"]
    assert curve.low_deg == summary["by_step"]["low"]
    assert curve.high_deg == summary["by_step"]["high"]


def test_the_figure_is_written_and_not_empty(curves, tmp_path: Path):
    plot_error_by_horizon(curves, tmp_path / "error.png", title="Simulated")
    image = matplotlib.image.imread(tmp_path / "error.png")
    assert image.shape[1] > 1200
    assert (image[..., :3].min(axis=-1) < 0.9).mean() > 0.01


def test_nothing_to_draw_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no error to draw; give at least one evaluated model"):
        plot_error_by_horizon({}, tmp_path / "error.png")
