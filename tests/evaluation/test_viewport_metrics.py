import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from vpnet.evaluation.viewport_metrics import (
    CHUNK,
    accuracy_within,
    error_deg,
    tile_metrics,
    viewport_overlap,
)
from vpnet.geometry.directions import direction_from_angles


def at_yaw(degrees: float) -> torch.Tensor:
    yaw_rad = torch.tensor(math.radians(degrees), dtype=torch.float64)
    return direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad))


def test_error_agrees_with_the_arc_cosine(random_directions):
    predicted, future = random_directions(50, 4, seed=1), random_directions(50, 4, seed=2)
    cosine = np.clip((predicted.numpy() * future.numpy()).sum(-1), -1, 1)
    np.testing.assert_allclose(error_deg(predicted, future), np.degrees(np.arccos(cosine)))


def test_accuracy_counts_the_threshold_itself_as_right():
    errors_deg = torch.tensor([0.0, 5.0, 5.001, 90.0])
    assert accuracy_within(errors_deg, 5.0).tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("distance_deg", "field_of_view_deg", "share"),
    [(0, 100, 1.0), (100, 100, 0.0), (140, 100, 0.0), (180, 100, 0.0), (90, 180, 0.5)],
    ids=["same", "touching", "apart", "opposite", "hemispheres"],
)
def test_overlap_of_known_pairs(distance_deg, field_of_view_deg, share):
    overlap = viewport_overlap(at_yaw(0), at_yaw(distance_deg), field_of_view_deg)
    assert overlap.item() == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("field_of_view_deg", [40.0, 100.0, 170.0])
def test_overlap_agrees_with_counting_random_directions(random_directions, field_of_view_deg):
    points = random_directions(400_000, seed=3).numpy()
    reach = math.cos(math.radians(field_of_view_deg / 2))
    in_true = points @ at_yaw(0).numpy() >= reach
    for share_of_diameter in (0.1, 0.4, 0.9):
        distance_deg = share_of_diameter * field_of_view_deg
        in_predicted = points @ at_yaw(distance_deg).numpy() >= reach
        counted = (in_true & in_predicted).sum() / in_true.sum()
        overlap = viewport_overlap(at_yaw(distance_deg), at_yaw(0), field_of_view_deg)
        assert overlap.item() == pytest.approx(counted, abs=0.015)


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 180), st.floats(0, 180), st.floats(1, 180))
def test_overlap_falls_with_distance(one_deg, other_deg, field_of_view_deg):
    nearer, further = sorted((one_deg, other_deg))
    overlap_near = viewport_overlap(at_yaw(0), at_yaw(nearer), field_of_view_deg).item()
    overlap_far = viewport_overlap(at_yaw(0), at_yaw(further), field_of_view_deg).item()
    assert 0 <= overlap_far <= overlap_near + 1e-9 <= 1 + 1e-9


def test_overlap_of_nearly_right_predictions_keeps_its_digits_in_float32():
    distance_deg = 0.01
    exact = viewport_overlap(at_yaw(0), at_yaw(distance_deg)).item()
    single = viewport_overlap(at_yaw(0).float(), at_yaw(distance_deg).float()).item()
    assert exact < 1
    assert single == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("field_of_view_deg", [0.0, 181.0])
def test_overlap_refuses_other_fields_of_view(field_of_view_deg):
    with pytest.raises(ValueError, match=r"field_of_view_deg must be in \(0, 180\], got"):
        viewport_overlap(at_yaw(0), at_yaw(1), field_of_view_deg)


def visible_tiles(center: np.ndarray, rows: int, columns: int, diameter_deg: float) -> np.ndarray:
    """Tiles whose centre is within the field of view, by the formulas of the conventions."""
    elevation = np.radians((0.5 - (np.arange(rows) + 0.5) / rows) * 180)[:, None]
    yaw = np.radians(((np.arange(columns) + 0.5) / columns - 0.5) * 360)[None]
    x, y, z = np.cos(elevation) * np.sin(yaw), np.sin(elevation), np.cos(elevation) * np.cos(yaw)
    cosine = center[0] * x + center[1] * y + center[2] * z
    return (np.degrees(np.arccos(np.clip(cosine, -1, 1))) <= diameter_deg / 2).ravel()


@pytest.mark.parametrize(
    ("rows", "columns", "diameter_deg"), [(9, 16, 100.0), (6, 12, 100.0), (9, 16, 60.0)]
)
def test_tiles_agree_with_scikit_learn(random_directions, rows, columns, diameter_deg):
    predicted, future = random_directions(20, 3, seed=4), random_directions(20, 3, seed=5)
    future[:10] = torch.nn.functional.normalize(future[:10] + 4 * predicted[:10], dim=-1)
    metrics = tile_metrics(
        predicted, future, rows=rows, columns=columns, field_of_view_deg=diameter_deg
    )
    for window in range(20):
        for step in range(3):
            truth = visible_tiles(future[window, step].numpy(), rows, columns, diameter_deg)
            sent = visible_tiles(predicted[window, step].numpy(), rows, columns, diameter_deg)
            for name, score in (
                ("iou", jaccard_score),
                ("precision", precision_score),
                ("recall", recall_score),
                ("f1", f1_score),
            ):
                found = getattr(metrics, name)[window, step].item()
                assert found == pytest.approx(score(truth, sent)), name


def test_a_right_prediction_is_perfect_and_an_opposite_one_is_not(random_directions):
    future = random_directions(30)
    assert all((metric == 1).all() for metric in tile_metrics(future, future))
    assert all((metric == 0).all() for metric in tile_metrics(-future, future))


def test_chunks_do_not_show(random_directions):
    predicted, future = random_directions(CHUNK + 5, seed=6), random_directions(CHUNK + 5, seed=7)
    whole, tail = tile_metrics(predicted, future), tile_metrics(predicted[-9:], future[-9:])
    for of_all, of_tail in zip(whole, tail, strict=True):
        assert of_all.shape == (CHUNK + 5,)
        torch.testing.assert_close(of_all[-9:], of_tail)


def test_a_field_of_view_smaller_than_a_tile():
    # Two rows of four tiles: a centre at yaw 45, elevation 45; none near the horizon.
    on_tile = torch.tensor([0.5, 0.5**0.5, 0.5])
    between = torch.tensor([0.0, 0.0, 1.0])
    predicted = torch.stack((between, on_tile, between, on_tile))
    future = torch.stack((between, between, on_tile, on_tile))
    metrics = tile_metrics(predicted, future, rows=2, columns=4, field_of_view_deg=10.0)
    for metric in metrics:
        assert metric.tolist() == [1.0, 0.0, 0.0, 1.0]
