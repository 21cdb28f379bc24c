"""Simulated viewers and videos: traits that differ, things that move, and what happens to them.

A video is a set of attractors, each on an inclined great circle near the horizon, with a strength
that changes over time. Because the attractors are known, so is the true saliency. The traits of
viewers are plausible choices, not fitted to data: nothing learned from simulated viewers says how
large an effect is in real ones.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.geometry.equirectangular import pixel_directions, solid_angle_weights
from vpnet.settings import Seed, checked


def random_stream(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each combination of seed and names.

    Its numbers are the same on every machine. Adding a viewer or a video therefore changes no other
    viewer or video, and nothing that is recorded of them. Answers do change with the videos: each
    is shown at another place then.
    """
    key = "\0".join((str(seed), *names)).encode()
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "big")
    )


DurationS = Annotated[float, Field(ge=1, le=36_000)]

CATEGORIES = ("person", "animal", "vehicle", "landmark")
"""What an attractor can be; every viewer prefers one of them."""

EVENT_KINDS = ("surprise", "amusement", "threat")
"""What can happen; each shows in the faces of viewers in its own way."""

FADE_S = 0.5
"""How long an attractor takes to appear or to vanish."""

EVENT_DECAY_S = 1.5
"""How long the strength that an event adds takes to fall to a third."""

SECONDS_PER_EVENT = 7.0
TRACKS_AT_ONCE = 4


@dataclass(frozen=True)
class Attractor:
    """Something worth looking at, on a great circle inclined to the horizon.

    Args:
        category: One of `CATEGORIES`.
        onset_s: When it begins to appear, playback time.
        offset_s: When it is gone.
        start_yaw_rad: Where it is at its onset, before the wobble.
        inclination_rad: Angle between its great circle and the horizon.
        rate_rad_s: Speed along the great circle, positive to the right.
        wobble_rad: Amplitude of the swaying along the great circle.
        wobble_period_s: Period of the swaying and of the strength.
        strength: Largest strength without events, in (0, 1].
        width_rad: Angular standard deviation of its bump of saliency.
    """

    category: str
    onset_s: float
    offset_s: float
    start_yaw_rad: float
    inclination_rad: float
    rate_rad_s: float
    wobble_rad: float
    wobble_period_s: float
    strength: float
    width_rad: float

    def directions(self, times_s: Tensor) -> Tensor:
        """Where it is (or would be) at playback times, unit vectors, shape ``(times, 3)``."""
        age_s = times_s - self.onset_s
        sway_rad = self.wobble_rad * torch.sin(2 * math.pi * age_s / self.wobble_period_s)
        along_rad = (self.rate_rad_s * age_s + sway_rad).unsqueeze(-1)
        node_yaw_rad = times_s.new_tensor(self.start_yaw_rad)
        node = direction_from_angles(node_yaw_rad, torch.zeros_like(node_yaw_rad))
        # A quarter turn along the circle from the node, where the circle is highest.
        top = direction_from_angles(
            node_yaw_rad + math.pi / 2, times_s.new_tensor(self.inclination_rad)
        )
        return torch.cos(along_rad) * node + torch.sin(along_rad) * top

    def strengths(self, times_s: Tensor) -> Tensor:
        """How much it attracts, events left out; 0 while it is absent, shape ``(times,)``."""
        appeared = ((times_s - self.onset_s) / FADE_S).clamp(0, 1)
        remaining = ((self.offset_s - times_s) / FADE_S).clamp(0, 1)
        pulse = 0.7 + 0.3 * torch.cos(2 * math.pi * times_s / self.wobble_period_s)
        return self.strength * pulse * appeared * remaining


@dataclass(frozen=True)
class Event:
    """Something happens to an attractor: it draws eyes and moves faces.

    Args:
        time_s: When, playback time.
        attractor_index: To which attractor of the video.
        kind: One of `EVENT_KINDS`.
        intensity: Strength added at once, in (0, 1]; it decays with `EVENT_DECAY_S`.
    """

    time_s: float
    attractor_index: int
    kind: str
    intensity: float


@dataclass(frozen=True)
class SimulatedVideo:
    """A video of which everything is known.

    Args:
        video_id: Its name.
        duration_s: Its length.
        attractors: What can be looked at; the first is there from beginning to end.
        events: What happens, in order of time.
    """

    video_id: str
    duration_s: float
    attractors: tuple[Attractor, ...]
    events: tuple[Event, ...]

    def attractor_directions(self, times_s: Tensor) -> Tensor:
        """Where the attractors are, unit vectors, shape ``(times, attractors, 3)``."""
        return torch.stack([each.directions(times_s) for each in self.attractors], dim=1)

    def attractor_strengths(self, times_s: Tensor) -> Tensor:
        """How much the attractors attract, 0 while absent, shape ``(times, attractors)``."""
        strengths = torch.stack([each.strengths(times_s) for each in self.attractors], dim=1)
        for event in self.events:
            age_s = times_s - event.time_s
            added = event.intensity * torch.exp(-age_s / EVENT_DECAY_S) * (age_s >= 0)
            present = strengths[:, event.attractor_index] > 0
            strengths[:, event.attractor_index] += added * present
        return strengths


@checked
def draw_video(video_id: str, duration_s: DurationS, seed: Seed) -> SimulatedVideo:
    """Simulate what draws the gaze in a video; only its name, duration and the seed matter.

    One attractor is visible throughout. The others appear and disappear on `TRACKS_AT_ONCE` tracks,
    one at a time on each. Every category of attractors has a track, so that viewers who prefer a
    category can find it.

    Raises:
        InputError: The duration is out of range.
    """
    rng = random_stream(seed, "video", video_id)
    first_category, *other_categories = rng.permutation(CATEGORIES).tolist()
    attractors = [_draw_attractor(first_category, 0.0, duration_s, rng, fades=False)]
    for track in range(TRACKS_AT_ONCE):
        category = other_categories[track % len(other_categories)]
        onset_s = rng.uniform(0.0, 4.0)
        while onset_s < duration_s - 2.0:
            offset_s = onset_s + rng.uniform(8.0, 20.0)
            attractors.append(_draw_attractor(category, onset_s, offset_s, rng))
            onset_s = offset_s + rng.uniform(0.5, 4.0)
    events = []
    time_s = rng.exponential(SECONDS_PER_EVENT)
    while time_s < duration_s:
        present = [
            index
            for index, attractor in enumerate(attractors)
            if attractor.onset_s + FADE_S < time_s < attractor.offset_s - FADE_S
        ]
        event_kind = str(rng.choice(EVENT_KINDS))
        events.append(Event(time_s, int(rng.choice(present)), event_kind, rng.uniform(0.5, 1.0)))
        time_s += 1.0 + rng.exponential(SECONDS_PER_EVENT - 1.0)
    return SimulatedVideo(video_id, duration_s, tuple(attractors), tuple(events))


def _draw_attractor(
    category: str, onset_s: float, offset_s: float, rng: np.random.Generator, fades: bool = True
) -> Attractor:
    rate_deg_s = 0.0 if category == "landmark" else rng.uniform(1.0, 6.0) * rng.choice((-1, 1))
    return Attractor(
        category=category,
        # Without fading the attractor was there before the video began and outlasts it.
        onset_s=onset_s if fades else onset_s - 2 * FADE_S,
        offset_s=offset_s if fades else offset_s + 2 * FADE_S,
        start_yaw_rad=rng.normal(0.0, 1.0 if fades else 0.5),
        inclination_rad=math.radians(rng.uniform(-30.0, 30.0)),
        rate_rad_s=math.radians(rate_deg_s),
        wobble_rad=0.0 if category == "landmark" else math.radians(rng.uniform(2.0, 12.0)),
        wobble_period_s=rng.uniform(5.0, 12.0),
        strength=rng.uniform(0.4, 1.0),
        width_rad=math.radians(rng.uniform(5.0, 10.0)),
    )


def saliency_times(video: SimulatedVideo, rate_hz: float) -> Tensor:
    """Playback times of the maps: 0, 1 / rate, ... up to the end of the video, in seconds."""
    # The small term keeps the last map where the product falls short of a whole number by rounding.
    return torch.arange(int(video.duration_s * rate_hz + 1e-9) + 1, dtype=torch.float64) / rate_hz


def saliency_maps(
    video: SimulatedVideo, rate_hz: float, height: int = 120, width: int = 240
) -> Tensor:
    """True saliency: a von Mises-Fisher bump on the sphere for each attractor, by its strength.

    Args:
        video: The simulated video.
        rate_hz: Maps per second; the first shows time 0, see `saliency_times`.
        height: Rows of a map.
        width: Columns of a map, twice the height.

    Returns:
        Non-negative maps, shape ``(frames, height, width)``, float32; each sums to 1 under
        `vpnet.geometry.equirectangular.solid_angle_weights`.

    Raises:
        InputError: The rate or the size is impossible.
    """
    if not rate_hz > 0:
        raise InputError(f"rate_hz of saliency maps must be positive, got {rate_hz}")
    if height < 1 or width != 2 * height:
        raise InputError(f"a saliency map must be twice as wide as high, got {height} x {width}")
    times_s = saliency_times(video, rate_hz)
    directions = video.attractor_directions(times_s).float()
    strengths = video.attractor_strengths(times_s).float()
    pixels = pixel_directions(height, width).reshape(-1, 3)
    weights = solid_angle_weights(height, width)
    concentrations = torch.tensor([1 / each.width_rad**2 for each in video.attractors])
    densities = concentrations / (1 - torch.exp(-2 * concentrations))
    maps = torch.empty(len(times_s), height * width)
    for frame, frame_strengths in enumerate(strengths):
        shown = frame_strengths > 0
        cosines = directions[frame, shown] @ pixels.T
        bumps = torch.exp(concentrations[shown].unsqueeze(1) * (cosines - 1))
        maps[frame] = (frame_strengths * densities)[shown] @ bumps
    maps = maps.reshape(-1, height, width)
    return maps / (maps * weights).sum(dim=(1, 2), keepdim=True)


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
    """Make up a viewer; the name and the seed decide every trait but the kind.

    The kinds take turns over the numbers, so that any three viewers in a row have one of each.
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
