import pytest
import torch

from vpnet.evaluation.evaluated_windows import EvaluatedWindows, typical_windows
from vpnet.geometry.directions import direction_from_angles


def windows(
    moved_deg: list[float],
    errors_deg: list[float],
    recordings: list[int],
    valid: list[bool] | None = None,
) -> EvaluatedWindows:
    """Futures of two steps that start forward and turn right; predictions off by an angle."""
    count = len(moved_deg)
    yaw_deg = torch.tensor([[0.0, moved] for moved in moved_deg], dtype=torch.float64)
    level = torch.zeros_like(yaw_deg)
    error_deg = torch.tensor(errors_deg, dtype=torch.float64).unsqueeze(1)
    known = torch.ones(count, 2, dtype=torch.bool)
    if valid is not None:
        known[:, 1] = torch.tensor(valid)
    return EvaluatedWindows(
        predicted=direction_from_angles(torch.deg2rad(yaw_deg + error_deg), level),
        future=direction_from_angles(torch.deg2rad(yaw_deg), level),
        valid=known,
        recording_index=torch.tensor(recordings),
        anchor_step=torch.arange(count),
    )


def test_the_window_of_median_error_is_shown():
    errors_deg = [5.0, 90.0, 20.0, 60.0, 10.0]
    assert typical_windows(windows([40.0] * 5, errors_deg, [0] * 5), ["v"]) == [2]


def test_still_heads_are_passed_over():
    evaluated = windows([0.0, 35.0, 29.0, 50.0], [1.0, 9.0, 2.0, 8.0], [0] * 4)
    assert typical_windows(evaluated, ["v"]) == [1]
    assert typical_windows(evaluated, ["v"], moved_deg=45.0) == [3]


def test_a_future_that_is_lost_in_part_is_passed_over():
    evaluated = windows([40.0, 40.0], [5.0, 6.0], [0, 0], valid=[True, False])
    assert typical_windows(evaluated, ["v"]) == [0]


@pytest.mark.parametrize("valid", [[True, True, True], [False, False, False]])
def test_where_none_moves_a_still_one_is_shown(valid):
    evaluated = windows([0.0, 1.0, 2.0], [5.0, 6.0, 7.0], [0, 0, 0], valid)
    assert typical_windows(evaluated, ["v"]) == [1]


def test_viewers_are_of_one_video_the_one_that_most_watched():
    evaluated = windows([40.0] * 6, [1.0] * 6, [0, 1, 2, 3, 3, 4])
    videos = ["a", "b", "b", "b", "a"]
    chosen = typical_windows(evaluated, videos)
    assert [videos[evaluated.recording_index[row]] for row in chosen] == ["b", "b", "b"]
    assert chosen == [1, 2, 4]
    assert typical_windows(evaluated, videos, count=2) == [1, 2]
