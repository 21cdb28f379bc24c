import math

import numpy as np
import pytest
import torch

from vpnet.geometry.directions import great_circle_distance, yaw_and_elevation
from vpnet.geometry.rotations import forward_direction
from vpnet.simulation.behaviour import EYE_RANGE_RAD, follow_with_head, simulate_behaviour
from vpnet.simulation.simulated_study import draw_study
from vpnet.simulation.viewers_and_videos import draw_viewer

TIMES_S = torch.arange(-72, 72 * 30, dtype=torch.float64) / 72
LAG_ROWS = 18
"""A quarter of a second, within the eyes' lead of 0.2 to 0.3 s."""


@pytest.fixture(scope="module")
def behaviours():
    """Six viewers (two of each kind) by three videos."""
    viewers, videos = draw_study(users=6, videos=3, duration_s=30.0, seed=0)
    return [
        [simulate_behaviour(viewer, video, TIMES_S, seed=0) for video in videos]
        for viewer in viewers
    ]


def _flat(behaviours):
    return [behaviour for of_viewer in behaviours for behaviour in of_viewer]


@pytest.mark.parametrize("number", range(6))
def test_head_waits_for_its_latency_then_goes_without_overshoot(number):
    viewer = draw_viewer(f"S{number}", number, seed=0)
    times_s = np.arange(0, 216) / 72
    jump_row, jump_rad = 36, math.radians(50.0)
    wanted = np.where(np.arange(216) >= jump_row, jump_rad, 0.0)
    head = follow_with_head(wanted, np.array([0, jump_row]), viewer, times_s)
    since_s = times_s - times_s[jump_row]
    assert (head[since_s < viewer.eye_head_latency_s - 1 / 72] == 0).all()
    moved = np.flatnonzero(head > 0.02 * jump_rad)[0]
    assert 0.2 <= since_s[moved] <= 0.3 + 0.08, "onset, and a little to rise above it"
    assert (np.diff(head) >= 0).all()
    assert viewer.head_gain * jump_rad == pytest.approx(head[-1], rel=0.02)


def test_small_shifts_are_left_to_the_eyes():
    viewer = draw_viewer("S1", 0, seed=0)
    times_s = np.arange(0, 216) / 72
    small = np.where(times_s > 0.5, math.radians(5.0), 0.0)
    head = follow_with_head(small, np.array([0, 37]), viewer, times_s)
    assert head.max() < 0.1 * small.max()


def test_eyes_lead_the_head(behaviours):
    ahead, behind = [], []
    for behaviour in _flat(behaviours):
        head_yaw = behaviour.head_angles_rad[:, 0].numpy()
        gaze_yaw = np.unwrap(yaw_and_elevation(behaviour.gaze_direction)[0].numpy())
        head_change, gaze_change = np.diff(head_yaw), np.diff(gaze_yaw)
        ahead.append(np.corrcoef(gaze_change[:-LAG_ROWS], head_change[LAG_ROWS:])[0, 1])
        behind.append(np.corrcoef(gaze_change[LAG_ROWS:], head_change[:-LAG_ROWS])[0, 1])
    assert np.mean(ahead) > 0.2
    assert np.mean(ahead) > np.mean(behind) + 0.2


def test_gaze_stays_within_the_reach_of_the_eyes(behaviours):
    for behaviour in _flat(behaviours):
        head = forward_direction(behaviour.head_orientation_xyzw)
        offset_rad = great_circle_distance(head, behaviour.gaze_direction)
        assert offset_rad.max() <= EYE_RANGE_RAD + 1e-6


def test_gaze_is_steady_while_the_head_turns(behaviours):
    """The vestibulo-ocular reflex: eyes turn back as fast as the head turns."""
    gaze_deg_s, head_deg_s = [], []
    for behaviour in _flat(behaviours):
        head = forward_direction(behaviour.head_orientation_xyzw)
        free = great_circle_distance(head, behaviour.gaze_direction)[1:] < 0.9 * EYE_RANGE_RAD
        head_speed, gaze_speed = (
            torch.rad2deg(great_circle_distance(path[1:], path[:-1])) * 72
            for path in (head, behaviour.gaze_direction)
        )
        turning = free & (head_speed > 40)
        head_deg_s.append(head_speed[turning])
        gaze_deg_s.append(gaze_speed[turning])
    assert torch.cat(gaze_deg_s).median() < 0.25 * torch.cat(head_deg_s).median()


def test_explorers_move_more_than_focusers(behaviours):
    """By how far the head is from where it was a second ago: sway adds little to that."""
    moved_deg = []
    for of_viewer in behaviours:
        heads = [forward_direction(each.head_orientation_xyzw) for each in of_viewer]
        moved = [great_circle_distance(head[72:], head[:-72]).mean() for head in heads]
        moved_deg.append(math.degrees(np.mean(moved)))
    explorers, focusers = moved_deg[0::3], moved_deg[2::3]
    assert np.mean(explorers) > 1.25 * np.mean(focusers)


def test_blinks_come_at_a_human_rate(behaviours):
    closed = torch.stack([behaviour.eyes_closed for behaviour in _flat(behaviours)]).int()
    blinks = (closed.diff(dim=1) == 1).sum()
    minutes = closed.numel() / 72 / 60
    assert 10 < blinks / minutes < 25
    assert 0.01 < closed.float().mean() < 0.1


def test_another_user_or_a_longer_list_of_videos_changes_no_one_else():
    few_viewers, few_videos = draw_study(users=1, videos=1, duration_s=5.0, seed=4)
    many_viewers, many_videos = draw_study(users=3, videos=2, duration_s=5.0, seed=4)
    times_s = TIMES_S[:300]
    alone = simulate_behaviour(few_viewers[0], few_videos[0], times_s, seed=4)
    among = simulate_behaviour(many_viewers[0], many_videos[0], times_s, seed=4)
    other = simulate_behaviour(many_viewers[1], many_videos[0], times_s, seed=4)
    assert torch.equal(alone.head_orientation_xyzw, among.head_orientation_xyzw)
    assert torch.equal(alone.gaze_direction, among.gaze_direction)
    assert not torch.equal(alone.gaze_direction, other.gaze_direction)
