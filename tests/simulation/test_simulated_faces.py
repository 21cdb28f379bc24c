from dataclasses import replace

import numpy as np
import pytest
import torch

from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.behaviour import simulate_behaviour
from vpnet.simulation.quest_pro_tables import MOVED_BY_EVENT, face_weights
from vpnet.simulation.viewers_and_videos import Event, draw_video, draw_viewer

TIMES_S = torch.arange(0, 72 * 12, dtype=torch.float64) / 72
ROWS = np.arange(0, 72 * 12, 6)
EVENT_S = 6.0
VIEWER = replace(draw_viewer("S01", 0, seed=0), expressiveness=0.9)


def weights_with(events: tuple[Event, ...], viewer=VIEWER) -> np.ndarray:
    video = replace(draw_video("simulated_01", 12.0, seed=0), events=events)
    behaviour = simulate_behaviour(viewer, video, TIMES_S, seed=0)
    return face_weights(viewer, video, behaviour, ROWS, seed=0)


def mean_of(weights: np.ndarray, name: str, start_s: float, end_s: float) -> float:
    times_s = ROWS / 72
    chosen = (times_s >= start_s) & (times_s < end_s)
    columns = [i for i, weight in enumerate(FACE_WEIGHTS) if weight.startswith(name)]
    return weights[chosen][:, columns].mean()


@pytest.mark.parametrize("kind", sorted(MOVED_BY_EVENT))
def test_event_shows_in_its_weights_after_a_reaction_time(kind):
    weights = weights_with((Event(EVENT_S, 0, kind, 1.0),))
    assert weights.shape == (len(ROWS), 63)
    assert weights.min() >= 0
    assert weights.max() <= 1
    for name in MOVED_BY_EVENT[kind]:
        before = mean_of(weights, name, EVENT_S - 1.0, EVENT_S + 0.3)
        during = mean_of(weights, name, EVENT_S + 0.5, EVENT_S + 1.5)
        assert during > before + 0.1


def test_an_expressive_face_moves_more():
    event = (Event(EVENT_S, 0, "surprise", 1.0),)
    calm = weights_with(event, replace(VIEWER, expressiveness=0.3))
    assert mean_of(weights_with(event), "Jaw_Drop", 6.5, 7.5) > 2 * mean_of(
        calm, "Jaw_Drop", 6.5, 7.5
    )


def test_lids_and_looks_follow_the_eyes():
    viewer = replace(VIEWER, blink_rate_per_min=30.0)
    video = draw_video("simulated_01", 12.0, seed=0)
    behaviour = simulate_behaviour(viewer, video, TIMES_S, seed=0)
    weights = face_weights(viewer, video, behaviour, ROWS, seed=0)
    named = dict(zip(FACE_WEIGHTS, weights.T, strict=True))
    closed = behaviour.eyes_closed.numpy()[ROWS]
    assert closed.any()
    assert (named["Eyes_Closed_L"][closed] > 0.5).all()
    assert (named["Eyes_Closed_R"][~closed] < 0.1).all()
    assert (np.minimum(named["Eyes_Look_Left_L"], named["Eyes_Look_Right_L"]) == 0).all()
    assert (np.minimum(named["Eyes_Look_Up_R"], named["Eyes_Look_Down_R"]) == 0).all()
