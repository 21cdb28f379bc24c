"""Checks of where the head pointed: did it move, as a head does, upright?"""

import hashlib

import numpy as np
import torch
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance, yaw_and_elevation
from vpnet.geometry.rotations import roll_angle
from vpnet.quality.checks.found import Found, check_runs, held_samples, still_runs
from vpnet.recordings.recording import Recording

FROZEN_S = 2.0
"""A head that is worn trembles: its measured orientation never stays the same to the last digit."""

STILL_DEG = 5.0
"""Someone who watches a 360-degree video moves further than this within 20 seconds."""

STILL_FROM_S = 20.0

JUMP_DEG_S = 1000.0
"""Heads turn at up to about 500 degrees a second; faster is a jump of the tracking."""

JUMP_DEG = 5.0
"""A smaller jump may be a clock that read two samples nearly at once."""

JUMP_WITHIN_S = 0.1

ROLL_DEG = 30.0
"""People seldom hold the head so far to the side, and not for half a video."""

ELEVATION_DEG = 45.0
"""Nor do they look so far up or down for half a video."""


def check_head(recording: Recording, found: Found) -> None:
    """Freezing, stillness, jumps and tilt of the head."""
    found.measurements["fingerprint"] = fingerprint(recording.viewport_center)
    if recording.head_valid.any():
        _check_frozen(recording, found)
        _check_jumps(recording, found)
        _check_posture(recording, found)


def fingerprint(viewport_center: Tensor) -> float:
    """A number that equal recordings share, and others practically never: 48 bits of a hash."""
    # Adding 0 makes -0 and 0 the same bytes.
    content = np.round(viewport_center.numpy(), 6) + 0.0
    return float(int.from_bytes(hashlib.blake2b(content.tobytes(), digest_size=6).digest(), "big"))


def _check_frozen(recording: Recording, found: Found) -> None:
    orientation = recording.head_orientation_xyzw
    pose = recording.viewport_center if orientation is None else orientation
    held = held_samples(recording.timestamps_s, pose, recording.head_valid)
    frozen = still_runs(recording.timestamps_s, held, FROZEN_S)
    rule = f"the orientation must change within {FROZEN_S:g} s, found none"
    check_runs(found, "head_frozen", rule, recording.timestamps_s, frozen)


def _check_jumps(recording: Recording, found: Found) -> None:
    center, valid = recording.viewport_center, recording.head_valid
    steps_s = recording.timestamps_s.diff()
    angle_deg = torch.rad2deg(great_circle_distance(center[1:], center[:-1]))
    near = valid[1:] & valid[:-1] & (steps_s <= JUMP_WITHIN_S)
    if not near.any():
        return
    speed_deg_s = torch.where(near, angle_deg / steps_s, 0.0)
    jumps = torch.nonzero((speed_deg_s > JUMP_DEG_S) & (angle_deg > JUMP_DEG)).squeeze(-1)
    if len(jumps):
        worst = int(jumps[angle_deg[jumps].argmax()])
        found.broken(
            "head_jumps",
            f"the head must turn by less than {JUMP_DEG_S:g} degrees a second, found "
            f"{angle_deg[worst]:.0f} degrees within {1000 * steps_s[worst]:.0f} ms at "
            f"{recording.timestamps_s[worst + 1]:.1f} s (jumps: {len(jumps)})",
            rows=len(jumps),
        )
    speed_deg_s = speed_deg_s[near]
    found.measurements["head_speed_median_deg_s"] = float(speed_deg_s.median())
    found.measurements["head_speed_p99_deg_s"] = float(speed_deg_s.quantile(0.99))


def _check_posture(recording: Recording, found: Found) -> None:
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center[recording.head_valid])
    yaw_range_deg = _range(np.rad2deg(np.unwrap(yaw_rad.numpy())))
    elevation_deg = np.rad2deg(elevation_rad.numpy())
    elevation_range_deg = _range(elevation_deg)
    if recording.duration_s >= STILL_FROM_S and max(yaw_range_deg, elevation_range_deg) < STILL_DEG:
        found.broken(
            "head_still",
            f"yaw or elevation must range over {STILL_DEG:g} degrees (5th to 95th percentile), "
            f"found {yaw_range_deg:.1f} and {elevation_range_deg:.1f} in "
            f"{recording.duration_s:.0f} s",
        )
    elevation_median_deg = float(np.median(elevation_deg))
    roll_median_deg = 0.0
    if recording.head_orientation_xyzw is not None:
        roll_rad = roll_angle(recording.head_orientation_xyzw[recording.head_valid])
        roll_median_deg = float(torch.rad2deg(roll_rad.abs().median()))
    if roll_median_deg > ROLL_DEG or abs(elevation_median_deg) > ELEVATION_DEG:
        found.broken(
            "head_tilted",
            f"in the median the head must be rolled by less than {ROLL_DEG:g} degrees and "
            f"point less than {ELEVATION_DEG:g} up or down, found {roll_median_deg:.0f} and "
            f"{elevation_median_deg:+.0f}",
        )
    found.measurements["head_yaw_range_deg"] = yaw_range_deg
    found.measurements["head_elevation_median_deg"] = elevation_median_deg


def _range(angles_deg: np.ndarray) -> float:
    low_deg, high_deg = np.quantile(angles_deg, (0.05, 0.95))
    return float(high_deg - low_deg)
