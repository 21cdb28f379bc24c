"""From the headset's own clock to the regular clock of a task, masks included.

The grid's steps are whole multiples of 1 / rate from playback time 0, so that step k means the same
moment of the video in every recording of it.
"""

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import normalize
from vpnet.geometry.rotations import forward_direction, slerp
from vpnet.recordings.recording import Recording

_TOLERANCE_STEPS = 1e-6
_TOLERANCE_S = 1e-6
"""Both absorb rounding where a sample falls on a grid step."""

_GAP_INTERVALS = 2.5
"""Samples further apart than so many usual intervals have a gap between them: one lost sample does
not make one."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ResampledRecording(Recording):
    """A recording on the clock of a task, and when each of its steps could have been known.

    Args:
        head_known_after: Steps until the gap ends over which the head was bridged, 0 for no gap,
            shape ``(samples,)``: before that it was not known where it points.
        gaze_known_after: Likewise for the gaze; None without the stream.
        face_known_after: Likewise for the face.
    """

    head_known_after: Tensor
    gaze_known_after: Tensor | None = None
    face_known_after: Tensor | None = None


def resample(
    recording: Recording,
    sampling_rate_hz: float,
    *,
    max_head_gap_s: float = 0.5,
    max_gaze_gap_s: float = 0.1,
    max_face_gap_s: float = 0.25,
) -> ResampledRecording:
    """The recording at the times k / ``sampling_rate_hz`` inside it.

    Orientations are interpolated by slerp, directions on the chord (then normalised), face weights
    linearly; the state of the fixation is that of the latest sample. A step is valid in a stream
    where it falls on a valid sample, or between two valid samples no further apart than the
    stream's gap or one and a half of its usual intervals, whichever is longer.

    Args:
        recording: Any recording.
        sampling_rate_hz: Steps per second of the result.
        max_head_gap_s: Longest stretch without a valid head sample that is bridged.
        max_gaze_gap_s: Likewise for the gaze (docs/CONVENTIONS.md, defect 7).
        max_face_gap_s: Likewise for the face.

    Returns:
        A recording whose ``timestamps_s`` are ``k / sampling_rate_hz`` for consecutive k. Steps
        between neighbouring samples know the later one, which is less than an interval ahead, two
        where one was lost; those in a longer gap say how many steps later it ends.

    Raises:
        InputError: Fewer than two steps are inside the recording.
    """
    first_s, last_s = float(recording.timestamps_s[0]), float(recording.timestamps_s[-1])
    first_step = math.ceil(first_s * sampling_rate_hz - _TOLERANCE_STEPS)
    last_step = math.floor(last_s * sampling_rate_hz + _TOLERANCE_STEPS)
    if last_step - first_step < 1:
        raise InputError(
            f"{recording.source}: a recording must span at least two steps of the task's clock "
            f"({sampling_rate_hz:g} Hz), it covers {first_s:.2f} to {last_s:.2f} s "
            f"(user {recording.user_id!r}, video {recording.video_id!r}); leave it out"
        )
    steps = torch.arange(first_step, last_step + 1, dtype=torch.float64)
    grid_s = steps / sampling_rate_hz

    head = _Neighbours(recording.timestamps_s, recording.head_valid, grid_s, max_head_gap_s)
    if recording.head_orientation_xyzw is None:
        orientation = None
        viewport_center = head.blend_directions(recording.viewport_center)
    else:
        orientation = head.blend_orientations(recording.head_orientation_xyzw)
        viewport_center = forward_direction(orientation)
    kept = {item.name: getattr(recording, item.name) for item in dataclasses.fields(Recording)}
    resampled = {
        "timestamps_s": grid_s,
        "viewport_center": viewport_center,
        "head_valid": head.valid,
        "head_orientation_xyzw": orientation,
        "head_known_after": head.known_after(sampling_rate_hz),
        **_resample_gaze(recording, grid_s, sampling_rate_hz, max_gaze_gap_s),
        **_resample_face(recording, grid_s, sampling_rate_hz, max_face_gap_s),
    }
    return ResampledRecording(**(kept | resampled))


def _resample_gaze(
    recording: Recording, grid_s: Tensor, rate_hz: float, max_gap_s: float
) -> dict[str, Tensor]:
    if recording.gaze_direction is None:
        return {}
    assert recording.gaze_valid is not None  # Recording checks that a stream is complete
    assert recording.gaze_offset_deg is not None
    assert recording.is_fixating is not None
    assert recording.fixation_duration_s is not None
    gaze = _Neighbours(recording.timestamps_s, recording.gaze_valid, grid_s, max_gap_s)
    latest = torch.searchsorted(recording.timestamps_s, grid_s + _TOLERANCE_S, right=True) - 1
    return {
        "gaze_direction": gaze.blend_directions(recording.gaze_direction),
        "gaze_valid": gaze.valid,
        "gaze_offset_deg": gaze.blend(recording.gaze_offset_deg),
        "is_fixating": recording.is_fixating[latest] & gaze.valid,
        "fixation_duration_s": recording.fixation_duration_s[latest] * gaze.valid,
        "gaze_known_after": gaze.known_after(rate_hz),
    }


def _resample_face(
    recording: Recording, grid_s: Tensor, rate_hz: float, max_gap_s: float
) -> dict[str, Tensor]:
    if recording.face is None:
        return {}
    assert recording.face_valid is not None
    face = _Neighbours(recording.timestamps_s, recording.face_valid, grid_s, max_gap_s)
    return {
        "face": face.blend(recording.face),
        "face_valid": face.valid,
        "face_known_after": face.known_after(rate_hz),
    }


class _Neighbours:
    """The valid samples before and after each grid time, and how far between them it is."""

    def __init__(
        self, timestamps_s: Tensor, sample_valid: Tensor, grid_s: Tensor, max_gap_s: float
    ) -> None:
        rows = torch.nonzero(sample_valid).squeeze(1)
        self.valid = torch.zeros(len(grid_s), dtype=torch.bool)
        self._until_known_s = torch.zeros_like(grid_s)
        if len(rows) == 0:
            self.before = self.after = torch.zeros(len(grid_s), dtype=torch.long)
            self.fraction = torch.zeros(len(grid_s), dtype=torch.float64)
            return
        valid_s = timestamps_s[rows]
        after = torch.searchsorted(valid_s, grid_s).clamp(max=len(rows) - 1)
        before = torch.searchsorted(valid_s, grid_s, right=True).sub(1).clamp(min=0)
        gap_s = valid_s[after] - valid_s[before]
        usual_s = float(timestamps_s.diff().median())
        allowed_s = max(max_gap_s, 1.5 * usual_s)
        nearest_s = torch.minimum((grid_s - valid_s[before]).abs(), (valid_s[after] - grid_s).abs())
        bridged = (gap_s > 0) & (gap_s <= allowed_s)
        self.valid = bridged | (nearest_s <= _TOLERANCE_S)
        self.fraction = ((grid_s - valid_s[before]) / gap_s.clamp(min=1e-9)).clamp(0, 1)
        self.before, self.after = rows[before], rows[after]
        is_gap = gap_s > _GAP_INTERVALS * usual_s
        self._until_known_s = torch.where(is_gap, valid_s[after] - grid_s, 0.0)

    def known_after(self, rate_hz: float) -> Tensor:
        """Steps until the gap around each grid time ends, 0 for none."""
        steps = (self._until_known_s * rate_hz - _TOLERANCE_STEPS).ceil()
        return steps.clamp(min=0).to(torch.float32)

    def blend(self, values: Tensor) -> Tensor:
        return torch.lerp(values[self.before], values[self.after], self.fraction.unsqueeze(1))

    def blend_directions(self, directions: Tensor) -> Tensor:
        return normalize(self.blend(directions))

    def blend_orientations(self, orientations_xyzw: Tensor) -> Tensor:
        return slerp(orientations_xyzw[self.before], orientations_xyzw[self.after], self.fraction)
