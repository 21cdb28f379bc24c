import math
from dataclasses import replace

import pytest
import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance, yaw_and_elevation
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.simulation.viewers_and_videos import (
    CATEGORIES,
    Attractor,
    Event,
    SimulatedVideo,
    draw_video,
    saliency_maps,
    saliency_times,
)

MOVING = Attractor(
    category="vehicle",
    onset_s=-2.0,
    offset_s=20.0,
    start_yaw_rad=math.radians(150.0),
    inclination_rad=math.radians(20.0),
    rate_rad_s=math.radians(10.0),
    wobble_rad=math.radians(5.0),
    wobble_period_s=5.0,
    strength=0.8,
    width_rad=math.radians(8.0),
)
STILL = replace(MOVING, rate_rad_s=0.0, wobble_rad=0.0, start_yaw_rad=0.0)
TIMES_S = torch.linspace(0, 10, 101, dtype=torch.float64)


def test_same_seed_same_video_and_other_seed_another():
    assert draw_video("simulated_01", 30.0, seed=1) == draw_video("simulated_01", 30.0, seed=1)
    assert draw_video("simulated_01", 30.0, seed=1) != draw_video("simulated_01", 30.0, seed=2)
    assert draw_video("simulated_01", 30.0, seed=1) != draw_video("simulated_02", 30.0, seed=1)


def test_attractors_are_smooth_unit_directions_near_the_horizon(study):
    for video in study[1]:
        directions = video.attractor_directions(TIMES_S)
        assert directions.shape == (101, len(video.attractors), 3)
        torch.testing.assert_close(
            directions.norm(dim=-1), torch.ones(directions.shape[:2]).double()
        )
        _, elevation_rad = yaw_and_elevation(directions)
        assert elevation_rad.abs().max() < math.radians(31)
        step_rad = great_circle_distance(directions[1:], directions[:-1])
        assert torch.rad2deg(step_rad).max() * 10 < 25, "degrees per second"


def test_every_category_and_some_event_is_in_a_video():
    for seed in range(5):
        video = draw_video("simulated_01", 60.0, seed)
        assert {attractor.category for attractor in video.attractors} == set(CATEGORIES)
        assert video.events


def test_something_attracts_at_every_time_and_events_befall_what_is_there(study):
    for video in study[1]:
        times_s = torch.arange(0, video.duration_s, 0.1, dtype=torch.float64)
        assert (video.attractor_strengths(times_s).max(dim=1).values > 0.1).all()
        for event in video.events:
            at = torch.tensor([event.time_s], dtype=torch.float64)
            assert video.attractors[event.attractor_index].strengths(at) > 0


def test_attractor_has_no_strength_outside_its_time():
    late = replace(MOVING, onset_s=3.0, offset_s=6.0)
    strengths = late.strengths(TIMES_S)
    inside = (TIMES_S > 3.0) & (TIMES_S < 6.0)
    assert (strengths[inside] > 0).all()
    assert (strengths[~inside] == 0).all()


def test_event_adds_strength_to_its_attractor_only_and_decays():
    calm = SimulatedVideo("simulated", 10.0, (MOVING, STILL), ())
    eventful = replace(calm, events=(Event(4.0, 1, "surprise", 0.5),))
    added = eventful.attractor_strengths(TIMES_S) - calm.attractor_strengths(TIMES_S)
    assert (added[:, 0] == 0).all()
    assert (added[TIMES_S < 4.0, 1] == 0).all()
    assert added[40, 1] == pytest.approx(0.5)
    assert (added[40:, 1].diff() < 0).all()


def test_saliency_maps_are_normalised(study):
    weights = solid_angle_weights(60, 120)
    for video in study[1]:
        maps = saliency_maps(video, rate_hz=2.0, height=60, width=120)
        assert maps.shape == (len(saliency_times(video, 2.0)), 60, 120)
        assert (maps >= 0).all()
        torch.testing.assert_close((maps * weights).sum(dim=(1, 2)), torch.ones(len(maps)))


def test_saliency_peaks_at_the_attractor_across_the_seam():
    video = SimulatedVideo("simulated", 10.0, (MOVING,), ())
    maps = saliency_maps(video, rate_hz=5.0)
    brightest = pixel_directions(120, 240).reshape(-1, 3)[maps.flatten(1).argmax(dim=1)]
    truth = video.attractor_directions(saliency_times(video, 5.0))[:, 0].float()
    yaw_rad, _ = yaw_and_elevation(truth)
    assert yaw_rad.min() < -3
    assert yaw_rad.max() > 3
    half_diagonal_deg = 1.5 * math.sqrt(0.5)
    assert torch.rad2deg(great_circle_distance(brightest, truth)).max() < half_diagonal_deg + 0.01


def test_saliency_is_shared_by_strength():
    weak = replace(STILL, start_yaw_rad=math.pi, strength=STILL.strength / 4)
    video = SimulatedVideo("simulated", 2.0, (STILL, weak), ())
    maps = saliency_maps(video, rate_hz=1.0)
    in_front = pixel_directions(120, 240)[..., 2] > 0
    share = (maps * solid_angle_weights(120, 240) * in_front).sum(dim=(1, 2))
    torch.testing.assert_close(share, torch.full((3,), 0.8), atol=1e-3, rtol=0)


@pytest.mark.parametrize("duration_s", [0.9, -3.0, float("nan"), float("inf")])
def test_impossible_duration_is_refused(duration_s):
    with pytest.raises(InputError, match="duration_s must be a number from 1 to 36000"):
        draw_video("simulated_01", duration_s, seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_hz": 0.0}, "rate_hz of saliency maps must be positive, got 0.0"),
        ({"rate_hz": 1.0, "height": 10, "width": 30}, "twice as wide as high, got 10 x 30"),
    ],
)
def test_impossible_maps_are_refused(study, settings, message):
    with pytest.raises(InputError, match=message):
        saliency_maps(study[1][0], **settings)
