"""The course of one recording, coarse enough to draw, and as short text.

That is what an inspection keeps of its samples. In text, the series become rows of 16-bit whole
numbers, little-endian, each in steps of its own size; of each number only the difference to the one
before is written (modulo 2^16). The rows are deflated and written in base64, which a browser
decodes: so a page of hundreds of recordings stays small.
"""

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vpnet.geometry.directions import yaw_and_elevation
from vpnet.recordings.face import FACE_ACTIVITY
from vpnet.recordings.recording import Recording

POINTS = 500
"""At most so many points a series: nearly as many as a plot on a page has pixels."""

LARGEST = 32767
MISSING = -32768
"""Stands for NaN."""

STEP = {"deg": 0.05, "ms": 0.1, "s": 0.001}
"""Steps by unit, finer than a plot can show; coarser ones deflate better."""

STEP_WITHOUT_UNIT = 0.001


@dataclass(frozen=True, eq=False)
class RecordingTrace:
    """Series of one recording that share a clock.

    Each point stands for a block of samples. Angles, gaze and face weights are those of the block's
    first sample; what is short and must not be lost is the block's extreme: the largest interval,
    the largest eye-in-head offset, the smallest openness.

    Args:
        times_s: Playback time of the first sample of each block, shape ``(points,)``.
        series: By name, float32, shape ``(points,)``, NaN where nothing was measured:
            ``head_yaw_deg``, ``head_elevation_deg``, ``interval_ms`` (time since the sample
            before), and where the recording has the stream ``gaze_yaw_deg``,
            ``gaze_elevation_deg``, ``offset_horizontal_deg``, ``offset_vertical_deg``,
            ``offset_magnitude_deg``, ``eye_openness``, ``face_activity``.
    """

    times_s: Tensor
    series: dict[str, Tensor]


def trace_recording(recording: Recording) -> RecordingTrace:
    """The course of a recording in series of at most `POINTS` points."""
    block = -(-recording.samples // POINTS)
    times_s = recording.timestamps_s
    intervals_ms = torch.cat((times_s.new_full((1,), torch.nan), 1000 * times_s.diff()))
    yaw_rad, elevation_rad = yaw_and_elevation(recording.viewport_center)
    head_valid = recording.head_valid
    series = {
        "head_yaw_deg": _first(torch.rad2deg(yaw_rad), head_valid, block),
        "head_elevation_deg": _first(torch.rad2deg(elevation_rad), head_valid, block),
        "interval_ms": _extreme(intervals_ms, torch.ones_like(head_valid), block, torch.amax),
        **_gaze_series(recording, block),
        **_face_series(recording, block),
    }
    return RecordingTrace(times_s[::block].clone(), series)


def eye_openness(face: Tensor, face_names: tuple[str, ...]) -> Tensor | None:
    """Openness of the eyes, 0 closed and 1 open, mean of both, shape ``(samples,)``.

    A lid also covers the eye when one looks down; the lesser of the two weights for looking down is
    taken off again (docs/CONVENTIONS.md, defect 5). None where weights of ``face``, shape
    ``(samples, weights)``, are not there.
    """
    columns = {name: column for column, name in enumerate(face_names)}
    wanted = ("Eyes_Closed_L", "Eyes_Closed_R", "Eyes_Look_Down_L", "Eyes_Look_Down_R")
    if not columns.keys() >= set(wanted):
        return None
    left, right, down_left, down_right = (face[:, columns[name]] for name in wanted)
    return (1 - (left + right) / 2 - torch.minimum(down_left, down_right)).clamp(0, 1)


def _gaze_series(recording: Recording, block: int) -> dict[str, Tensor]:
    direction, valid = recording.gaze_direction, recording.gaze_valid
    offset_deg = recording.gaze_offset_deg
    if direction is None or valid is None or offset_deg is None:
        return {}
    yaw_rad, elevation_rad = yaw_and_elevation(direction)
    horizontal_deg, vertical_deg, magnitude_deg = offset_deg.unbind(dim=1)
    return {
        "gaze_yaw_deg": _first(torch.rad2deg(yaw_rad), valid, block),
        "gaze_elevation_deg": _first(torch.rad2deg(elevation_rad), valid, block),
        "offset_horizontal_deg": _first(horizontal_deg, valid, block),
        "offset_vertical_deg": _first(vertical_deg, valid, block),
        "offset_magnitude_deg": _extreme(magnitude_deg, valid, block, torch.amax),
    }


def _face_series(recording: Recording, block: int) -> dict[str, Tensor]:
    face, names, valid = recording.face, recording.face_names, recording.face_valid
    if face is None or valid is None or not names:
        return {}
    series = {}
    openness = eye_openness(face, names)
    if openness is not None:
        series["eye_openness"] = _extreme(openness, valid, block, torch.amin)
    known = FACE_ACTIVITY in names
    activity = face[:, names.index(FACE_ACTIVITY)] if known else face.mean(dim=1)
    series["face_activity"] = _first(activity, valid, block)
    return series


def _first(values: Tensor, valid: Tensor, block: int) -> Tensor:
    return torch.where(valid, values, torch.nan)[::block].float()


def _extreme(values: Tensor, valid: Tensor, block: int, extreme: Callable[..., Tensor]) -> Tensor:
    """The extreme of the valid samples of each block; NaN where there are none."""
    worst = -torch.inf if extreme is torch.amax else torch.inf
    missing = -len(values) % block
    known = valid & values.isfinite()
    padded = torch.nn.functional.pad(torch.where(known, values, worst), (0, missing), value=worst)
    of_block = extreme(padded.reshape(-1, block), dim=1)
    return torch.where(of_block.isfinite(), of_block, torch.nan).float()


def encode_trace(trace: RecordingTrace) -> dict[str, Any]:
    """A trace as plain values for JSON.

    Returns:
        ``names`` of the series, of which the first is ``time_s``; ``steps``, the value of 1 in each
        of them; ``points``, their length; ``deflated``, the text.
    """
    series = {"time_s": trace.times_s, **trace.series}
    steps = {name: _step(name, values) for name, values in series.items()}
    rows = [_whole_numbers(values, steps[name]) for name, values in series.items()]
    differences = np.diff(np.stack(rows), axis=1, prepend=np.int16(0)).astype("<i2")
    deflated = zlib.compress(differences.tobytes(), 9)
    return {
        "names": list(series),
        "steps": list(steps.values()),
        "points": len(trace.times_s),
        "deflated": base64.b64encode(deflated).decode("ascii"),
    }


def _step(name: str, values: Tensor) -> float:
    """The usual step of the unit, or a coarser one where the values would not fit."""
    known = values[values.isfinite()].abs()
    largest = float(known.max()) if len(known) else 0.0
    return max(STEP.get(name.rpartition("_")[2], STEP_WITHOUT_UNIT), largest / LARGEST)


def _whole_numbers(values: Tensor, step: float) -> np.ndarray:
    steps = (values.double() / step).round().clamp(-LARGEST, LARGEST)
    return steps.nan_to_num(MISSING).numpy().astype(np.int16)
