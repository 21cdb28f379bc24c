"""Simulated viewers: the traits that make one person's viewing differ from another's.

The numbers are plausible choices, not fitted to data: nothing learned from simulated viewers says
how large an effect is in real ones.
"""

import math
from dataclasses import dataclass

from vpnet.simulation.random_stream import random_stream
from vpnet.simulation.videos import CATEGORIES

VIEWER_KINDS = ("explorer", "follower", "focuser")
"""Explorers scan the whole scene, followers go where something happens, focusers stay."""


@dataclass(frozen=True)
class Viewer:
    """A simulated person.

    Args:
        user_id: Their name.
        kind: One of `VIEWER_KINDS`.
        preferred_category: The category of attractors they like best.
        preference: How many times more a preferred attractor attracts them, less 1.
        exploration: Probability that they scan the scene rather than choose an attractor.
        capture: Probability that an event draws them away from what they look at.
        dwell_s: Mean time they stay with one thing.
        scan_rate_rad_s: How fast they scan the scene.
        saccade_interval_s: Mean time between two saccades.
        saccade_scatter_rad: Standard deviation of where saccades land around an attractor.
        fixation_noise_rad: Standard deviation of a single gaze sample around the true gaze.
        head_gain: Share of a large gaze shift that the head makes, in (0, 1].
        eye_head_latency_s: How long the head waits after the eyes have gone, 0.2 to 0.3 s.
        head_frequency_rad_s: Natural frequency of the head's critically damped movement.
        blink_rate_per_min: Mean number of blinks a minute.
        expressiveness: Scale of what shows in the face, in [0, 1].
    """

    user_id: str
    kind: str
    preferred_category: str
    preference: float
    exploration: float
    capture: float
    dwell_s: float
    scan_rate_rad_s: float
    saccade_interval_s: float
    saccade_scatter_rad: float
    fixation_noise_rad: float
    head_gain: float
    eye_head_latency_s: float
    head_frequency_rad_s: float
    blink_rate_per_min: float
    expressiveness: float


_ATTENTION_OF_KIND = {
    "explorer": {"preference": 1.0, "exploration": 0.60, "capture": 0.35, "dwell_s": 1.8},
    "follower": {"preference": 1.5, "exploration": 0.15, "capture": 0.90, "dwell_s": 2.4},
    "focuser": {"preference": 6.0, "exploration": 0.04, "capture": 0.30, "dwell_s": 5.0},
}


def draw_viewer(user_id: str, number: int, seed: int) -> Viewer:
    """Make up a viewer.

    The kinds take turns over the numbers, so that any three viewers in a row have one of each.

    Args:
        user_id: Their name; with the seed it decides every trait but the kind.
        number: Their place in the study, from 0; decides the kind.
        seed: Seed of the simulated study.
    """
    rng = random_stream(seed, "viewer", user_id)
    kind = VIEWER_KINDS[number % len(VIEWER_KINDS)]
    attention = {
        name: value * rng.uniform(0.8, 1.1) for name, value in _ATTENTION_OF_KIND[kind].items()
    }
    return Viewer(
        user_id=user_id,
        kind=kind,
        preferred_category=str(rng.choice(CATEGORIES)),
        **attention,
        scan_rate_rad_s=math.radians(rng.uniform(20.0, 40.0)),
        saccade_interval_s=rng.uniform(0.35, 0.55),
        saccade_scatter_rad=math.radians(rng.uniform(6.0, 9.0)),
        fixation_noise_rad=math.radians(rng.uniform(0.08, 0.15)),
        head_gain=rng.uniform(0.75, 0.98),
        eye_head_latency_s=rng.uniform(0.2, 0.3),
        head_frequency_rad_s=rng.uniform(5.0, 7.5),
        blink_rate_per_min=rng.uniform(11.0, 24.0),
        expressiveness=rng.uniform(0.3, 1.0),
    )
