"""All resampled recordings in contiguous arrays: what windows are cut from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.rotations import roll_angle
from vpnet.recordings.face import face_features
from vpnet.recordings.recording import Recording


@dataclass(frozen=True, eq=False)
class Samples:
    """Every sample of every recording, one after the other, float32.

    Recording r owns the rows ``first_row[r]`` to ``first_row[r + 1] - 1``; its first row is step
    ``first_step[r]`` of the task's clock. Streams that a recording lacks are zero and masked.
    """

    viewport_center: Tensor
    head_valid: Tensor
    roll_rad: Tensor
    gaze_direction: Tensor
    gaze_offset_deg: Tensor
    is_fixating: Tensor
    fixation_duration_s: Tensor
    gaze_valid: Tensor
    face: Tensor
    face_valid: Tensor
    first_row: Tensor
    first_step: Tensor
    user_ids: tuple[str, ...]
    video_ids: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def recordings(self) -> int:
        """Number of recordings."""
        return len(self.user_ids)

    @property
    def row_count(self) -> Tensor:
        """Samples of each recording, shape ``(recordings,)``."""
        return self.first_row.diff()


def gather_samples(
    recordings: Sequence[Recording], sampling_rate_hz: float, face_feature_names: Sequence[str]
) -> Samples:
    """Join recordings that were resampled to one clock.

    Args:
        recordings: Recordings on the grid of `vpnet.recordings.resampling.resample`.
        sampling_rate_hz: Their rate.
        face_feature_names: Features of the face, see `vpnet.recordings.face.face_features`.

    Returns:
        The samples, memory in proportion to their number.

    Raises:
        InputError: There is no recording, or two of one user and video.
    """
    if not recordings:
        raise InputError("no recordings to train or evaluate on; check data.path or data.root")
    seen: dict[tuple[str, str], str] = {}
    for recording in recordings:
        key = (recording.user_id, recording.video_id)
        if key in seen:
            raise InputError(
                f"user {key[0]!r} has two recordings of video {key[1]!r}: {seen[key]} and "
                f"{recording.source}; keep one, or give the second viewing its own video name"
            )
        seen[key] = recording.source

    def stream(name: str, width: int | None) -> Tensor:
        shape = () if width is None else (width,)
        parts = []
        for recording in recordings:
            values: Tensor | None = getattr(recording, name)
            if values is None:
                values = torch.zeros((recording.samples, *shape))
            parts.append(values.to(torch.float32))
        return torch.cat(parts)

    return Samples(
        viewport_center=stream("viewport_center", 3),
        head_valid=stream("head_valid", None).bool(),
        roll_rad=torch.cat([_roll(recording) for recording in recordings]),
        gaze_direction=stream("gaze_direction", 3),
        gaze_offset_deg=stream("gaze_offset_deg", 3),
        is_fixating=stream("is_fixating", None),
        fixation_duration_s=stream("fixation_duration_s", None),
        gaze_valid=stream("gaze_valid", None).bool(),
        face=torch.cat([_face(recording, face_feature_names) for recording in recordings]),
        face_valid=stream("face_valid", None).bool(),
        first_row=torch.tensor([0, *(recording.samples for recording in recordings)]).cumsum(0),
        first_step=torch.tensor(
            [round(float(r.timestamps_s[0]) * sampling_rate_hz) for r in recordings]
        ),
        user_ids=tuple(recording.user_id for recording in recordings),
        video_ids=tuple(recording.video_id for recording in recordings),
        sources=tuple(recording.source for recording in recordings),
    )


def _roll(recording: Recording) -> Tensor:
    if recording.head_orientation_xyzw is None:
        return torch.zeros(recording.samples)
    return roll_angle(recording.head_orientation_xyzw).to(torch.float32)


def _face(recording: Recording, names: Sequence[str]) -> Tensor:
    if recording.face is None:
        return torch.zeros(recording.samples, len(names))
    return face_features(recording.face, recording.face_names, names).to(torch.float32)
