import math

import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp

from vpnet.errors import InputError
from vpnet.evaluation.horizons import (
    HORIZON_RANGES,
    REPORT_HORIZONS_S,
    at_horizons,
    is_step,
    reached,
    valid_at_horizons,
)
from vpnet.geometry.directions import direction_from_angles, great_circle_distance

LONG_TERM_S = [step / 5 for step in range(1, 26)]
SHORT_TERM_S = [step / 30 for step in (6, 15, 30)]
SHORT, LONG = HORIZON_RANGES


def test_ranges_of_the_long_term_task():
    assert [LONG_TERM_S[k] for k in SHORT.steps(LONG_TERM_S)] == [0.2, 0.4, 0.6, 0.8, 1.0]
    steps = LONG.steps(LONG_TERM_S)
    assert len(steps) == 15
    assert (LONG_TERM_S[steps[0]], LONG_TERM_S[steps[-1]]) == (2.2, 5.0)


def test_ranges_of_the_short_term_task():
    assert SHORT.steps(SHORT_TERM_S) == [0, 1, 2]
    assert LONG.steps(SHORT_TERM_S) == []


@pytest.mark.parametrize("steps_s", [[1.0, 2.0, 5.0], [0.5, 1.0], [0.2, 0.4]])
def test_a_range_that_the_steps_do_not_span_is_left_out(steps_s):
    assert SHORT.steps(steps_s) == []


def test_reached_keeps_what_lies_between_first_and_last_step():
    assert reached(REPORT_HORIZONS_S, SHORT_TERM_S) == (0.2, 0.5, 1.0)
    assert reached(REPORT_HORIZONS_S, LONG_TERM_S) == REPORT_HORIZONS_S
    assert reached((0.1, 0.2, 1.1), SHORT_TERM_S) == (0.2,)


def test_a_step_is_known_in_spite_of_rounding():
    assert is_step(0.6, [0.2 + 0.2 + 0.2])
    assert not is_step(0.5, LONG_TERM_S)


def test_a_step_is_taken_as_it_is(random_directions):
    directions = random_directions(7, 25).float()
    taken = at_horizons(directions, LONG_TERM_S, [5.0, 0.2, 1.0])
    torch.testing.assert_close(taken, directions[:, [24, 0, 4]], rtol=0, atol=0)


def test_between_two_steps_the_great_circle_is_followed(random_directions):
    directions = random_directions(6, 25)
    wanted_s = 0.45
    taken = at_horizons(directions, LONG_TERM_S, [wanted_s])[:, 0]
    for window, between in zip(directions.numpy(), taken.numpy(), strict=True):
        turn = Rotation.align_vectors(window[2:3], window[1:2])[0]
        path = Slerp([0.4, 0.6], Rotation.concatenate([Rotation.identity(), turn]))
        assert between == pytest.approx(path(wanted_s).apply(window[1]), abs=1e-6)


def test_half_a_second_on_a_five_hertz_clock_is_midway():
    yaw_rad = torch.deg2rad(torch.arange(1, 26, dtype=torch.float64) * 10 + 120)
    path = direction_from_angles(yaw_rad, torch.zeros_like(yaw_rad))
    midway = direction_from_angles(*torch.tensor([[145.0], [0.0]]).deg2rad().double())
    error_rad = great_circle_distance(at_horizons(path, LONG_TERM_S, [0.5]), midway)
    assert math.degrees(error_rad.item()) < 1e-5


def test_a_horizon_is_valid_only_between_valid_neighbours():
    valid = torch.tensor([[True, True, False, True]])
    steps_s = [0.2, 0.4, 0.6, 0.8]
    wanted_s = [0.2, 0.3, 0.5, 0.6, 0.7, 0.8]
    assert valid_at_horizons(valid, steps_s, wanted_s).tolist() == [
        [True, True, False, False, False, True]
    ]


@pytest.mark.parametrize("wanted_s", [0.1, 5.2])
def test_a_horizon_outside_the_steps_is_refused(random_directions, wanted_s):
    with pytest.raises(InputError, match=rf"horizon {wanted_s} s is outside .* 0.2 to 5 s; choose"):
        at_horizons(random_directions(1, 25), LONG_TERM_S, [wanted_s])


def test_horizons_must_name_the_steps(random_directions):
    with pytest.raises(ValueError, match="must name the 3 steps of the directions, got 25"):
        at_horizons(random_directions(1, 3), LONG_TERM_S, [0.2])
