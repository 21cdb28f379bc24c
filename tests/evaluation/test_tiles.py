import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from vpnet.evaluation.tiles import CHUNK, tile_metrics


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
