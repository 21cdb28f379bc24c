import numpy as np
import pytest
import torch

from vpnet.geometry.directions import direction_from_angles, great_circle_distance
from vpnet.simulation.behaviour import EXPLORING, AttentionPlan
from vpnet.simulation.viewers_and_videos import draw_video, draw_viewer, random_stream

TIMES_S = np.arange(-72, 72 * 60) / 72


def attend(number: int, video_number: int, seed: int = 0):
    viewer = draw_viewer(f"S{number}", number, seed)
    video = draw_video(f"simulated_{video_number}", 60.0, seed)
    rng = random_stream(seed, "test", viewer.user_id, video.video_id)
    return viewer, video, AttentionPlan(viewer, video, TIMES_S, rng).draw()


@pytest.mark.parametrize("number", range(3))
def test_attended_attractors_are_there_and_near_the_wanted_gaze(number):
    viewer, video, attention = attend(number, 0)
    rows = np.flatnonzero(attention.attended != EXPLORING)
    index = attention.attended[rows]
    times_s = torch.from_numpy(TIMES_S[rows])
    present = video.attractor_strengths(times_s)[np.arange(len(rows)), index] > 0
    assert present.float().mean() > 0.99, "one row of looking after something has gone is allowed"
    wanted = direction_from_angles(
        torch.from_numpy(attention.yaw_rad[rows]), torch.from_numpy(attention.elevation_rad[rows])
    )
    truth = video.attractor_directions(times_s)[np.arange(len(rows)), index]
    apart_rad = great_circle_distance(wanted, truth)
    assert apart_rad.mean() < 2 * viewer.saccade_scatter_rad
    assert apart_rad.max() < 6 * viewer.saccade_scatter_rad


def test_wanted_gaze_jumps_at_saccades_only():
    _, _, attention = attend(0, 0)
    rows = attention.saccade_rows
    assert rows[0] == 0
    assert (np.diff(rows) > 0).all()
    step_deg = np.rad2deg(np.abs(np.diff(attention.yaw_rad)))
    between = np.setdiff1d(np.arange(1, len(TIMES_S)), rows)
    assert step_deg[between - 1].max() < 1.0
    assert np.median(step_deg[rows[1:] - 1]) > 3.0


def test_nothing_is_attended_before_playback():
    _, _, attention = attend(1, 0)
    assert (attention.attended[TIMES_S < 0] == EXPLORING).all()
    assert np.ptp(attention.yaw_rad[TIMES_S < 0]) == 0


def test_explorers_explore_and_focusers_stay():
    explored = [
        np.mean([(attend(number, video)[2].attended == EXPLORING).mean() for video in range(6)])
        for number in range(3)
    ]
    assert explored[0] > 0.3, "explorer"
    assert explored[0] > explored[1] > explored[2], "explorer, follower, focuser"


def test_focusers_look_at_what_they_prefer():
    """Personalisation has something real to find: their category, more than its share."""
    liked, chance = [], []
    for number in (2, 5, 8, 11):
        for video_number in range(4):
            viewer, video, attention = attend(number, video_number)
            is_liked = np.array(
                [each.category == viewer.preferred_category for each in video.attractors]
            )
            looking = attention.attended[attention.attended != EXPLORING]
            liked.append(is_liked[looking].mean())
            strengths = video.attractor_strengths(torch.from_numpy(TIMES_S[72:])).sum(dim=0).numpy()
            chance.append(strengths[is_liked].sum() / strengths.sum())
    assert np.mean(liked) > np.mean(chance) + 0.15


def test_followers_turn_to_events_more_than_focusers():
    shares = []
    for kind in (1, 2):
        caught = []
        for number in (kind, kind + 3, kind + 6):
            for video_number in range(4):
                _, video, attention = attend(number, video_number)
                for event in video.events:
                    before = np.searchsorted(TIMES_S, event.time_s)
                    after = min(np.searchsorted(TIMES_S, event.time_s + 0.3), len(TIMES_S) - 1)
                    if attention.attended[before] != event.attractor_index:
                        caught.append(attention.attended[after] == event.attractor_index)
        shares.append(np.mean(caught))
    assert shares[0] > shares[1] + 0.2
