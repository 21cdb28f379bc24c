"""All resampled recordings in contiguous arrays: what windows are cut from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.rotations import roll_angle
from vpnet.recordings.face import face_features
from vpnet.recordings.recording import ANSWERS, Recording
from vpnet.saliency.source import TrainingDirections

_WIDTHS = {
    "viewport_center": 3,
    "head_valid": None,
    "roll_rad": None,
    "gaze_direction": 3,
    "gaze_offset_deg": 3,
    "is_fixating": None,
    "fixation_duration_s": None,
    "gaze_valid": None,
    "face": None,
    "face_valid": None,
    "head_known_after": None,
    "gaze_known_after": None,
    "face_known_after": None,
}
"""Columns of `Samples` and the numbers in each sample, None for a single one."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Every sample of every recording, one after the other, float32.

    Recording r owns the rows ``first_row[r]`` to ``first_row[r + 1] - 1``; its first row is step
    ``first_step[r]`` of the task's clock. Streams that a recording lacks are zero and masked.
    ``answers`` has a row for each recording, a column for each of `ANSWERS`. What is known after
    some steps was bridged over a gap, see `vpnet.recordings.resampling.ResampledRecording`.
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
    head_known_after: Tensor
    gaze_known_after: Tensor
    face_known_after: Tensor
    answers: Tensor
    answers_valid: Tensor
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
    recordings: Iterable[Recording], sampling_rate_hz: float, face_feature_names: Sequence[str]
) -> Samples:
    """Join recordings that were resampled to one clock.

    Args:
        recordings: Recordings on the grid of `vpnet.recordings.resampling.resample`. They are taken
            one at a time and not kept, so a study need never be in memory as it was recorded.
        sampling_rate_hz: Their rate.
        face_feature_names: Features of the face, see `vpnet.recordings.face.face_features`.

    Returns:
        The samples, memory in proportion to their number.

    Raises:
        InputError: There is no recording, or two of one user and video.
    """
    columns: dict[str, list[Tensor]] = {name: [] for name in _WIDTHS}
    sources: dict[tuple[str, str], str] = {}
    answers: list[Tensor] = []
    first_row, first_step = [0], []
    for recording in recordings:
        key = (recording.user_id, recording.video_id)
        if key in sources:
            raise InputError(
                f"user {key[0]!r} has two recordings of video {key[1]!r}: {sources[key]} and "
                f"{recording.source}; keep one, or give the second viewing its own video name"
            )
        sources[key] = recording.source
        for name, values in _streams(recording, face_feature_names).items():
            columns[name].append(values)
        answers.append(_answers(recording))
        first_row.append(first_row[-1] + recording.samples)
        first_step.append(round(float(recording.timestamps_s[0]) * sampling_rate_hz))
    if not sources:
        raise InputError("no recordings to train or evaluate on; check data.path or data.root")
    # Each list is given up as it is joined, so that no more than one stream is there twice.
    joined = {name: torch.cat(columns.pop(name)) for name in list(columns)}
    return Samples(
        **joined,
        answers=torch.stack(answers).nan_to_num(0.0),
        answers_valid=~torch.stack(answers).isnan(),
        first_row=torch.tensor(first_row),
        first_step=torch.tensor(first_step),
        user_ids=tuple(user_id for user_id, _ in sources),
        video_ids=tuple(video_id for _, video_id in sources),
        sources=tuple(sources.values()),
    )


def _streams(recording: Recording, face_feature_names: Sequence[str]) -> dict[str, Tensor]:
    """The columns of `Samples` for one recording; zero and False where it lacks a stream."""
    derived = {"roll_rad": _roll(recording), "face": _face(recording, face_feature_names)}
    streams = {}
    for name, width in _WIDTHS.items():
        values: Tensor | None = derived.get(name, getattr(recording, name, None))
        if values is None:
            shape = (recording.samples,) if width is None else (recording.samples, width)
            values = torch.zeros(shape)
        streams[name] = values.to(torch.bool if name.endswith("_valid") else torch.float32)
    return streams


def _answers(recording: Recording) -> Tensor:
    """Answers in the order of `ANSWERS`, NaN where there is none."""
    return torch.tensor([recording.answers.get(name, torch.nan) for name in ANSWERS])


def _roll(recording: Recording) -> Tensor:
    if recording.head_orientation_xyzw is None:
        return torch.zeros(recording.samples)
    return roll_angle(recording.head_orientation_xyzw).to(torch.float32)


def _face(recording: Recording, names: Sequence[str]) -> Tensor:
    if recording.face is None:
        return torch.zeros(recording.samples, len(names))
    return face_features(recording.face, recording.face_names, names).to(torch.float32)


def training_directions(
    samples: Samples, part: Sequence[int], sampling_rate_hz: float
) -> TrainingDirections:
    """What a saliency source may learn from: the measured directions of some recordings.

    Args:
        samples: All samples.
        part: The training recordings.
        sampling_rate_hz: Of the samples.
    """
    numbers = torch.tensor(part)
    counts = samples.first_row[numbers + 1] - samples.first_row[numbers]
    recording = torch.repeat_interleave(torch.arange(len(part)), counts)
    rows = torch.cat(
        [torch.arange(int(samples.first_row[i]), int(samples.first_row[i + 1])) for i in part]
    )
    step = rows - samples.first_row[numbers][recording] + samples.first_step[numbers][recording]
    measured = samples.head_valid[rows]
    return TrainingDirections(
        user_ids=tuple(samples.user_ids[i] for i in part),
        video_ids=tuple(samples.video_ids[i] for i in part),
        recording=recording[measured],
        step=step[measured],
        directions=samples.viewport_center[rows[measured]],
        sampling_rate_hz=sampling_rate_hz,
    )
