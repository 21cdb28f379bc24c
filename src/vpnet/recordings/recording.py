"""One viewer watching one video once: the type that every reader returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import great_circle_distance
from vpnet.geometry.rotations import forward_direction

UNIT_TOLERANCE = 1e-3
"""How far the length of a direction or a quaternion may be from 1."""

AGREEMENT_TOLERANCE_DEG = 0.5
"""How far the viewport centre may be from where the quaternion points."""

ANSWERS = (
    "age",
    *("gender=female", "gender=male", "gender=non_binary", "gender=other"),
    "vr_experience",
    *("vision_correction=none", "vision_correction=glasses"),
    *("vision_correction=contact_lenses", "vision_correction=surgery"),
    *("dominant_eye=left", "dominant_eye=right"),
    *("interests=people", "interests=animals", "interests=nature", "interests=travel"),
    *("interests=vehicles", "interests=sports", "interests=music", "interests=film"),
    *("interests=games", "interests=art"),
    "motion_sickness",
    *("session", "position"),
    *("alertness", "mood"),
)
"""Names of a viewer's answers that are known before a video begins: the order of the vector q.
Unordered words have a number each (``gender=female``), all other questions have one."""


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """One user watching one video once, in the world frame, on the clock of the video.

    Directions and orientations are float64, masks are boolean. A stream that the source never
    measured is None. Lost samples are False in the stream's mask; their values are finite but mean
    nothing.

    Args:
        user_id: Who watched.
        video_id: What was watched.
        source: The file or folder it was read from, for messages.
        timestamps_s: Playback time from the first frame, strictly increasing, shape ``(samples,)``.
        viewport_center: Where the head points, unit vectors, shape ``(samples, 3)``.
        head_valid: Which samples of the head were measured, shape ``(samples,)``.
        head_orientation_xyzw: Unit quaternions, headset frame to world, shape ``(samples, 4)``;
            None where the source has no roll.
        gaze_direction: Where the eyes point in the world, unit vectors, shape ``(samples, 3)``.
        gaze_valid: Which samples of the gaze were measured, shape ``(samples,)``.
        gaze_offset_deg: Gaze in the head frame: horizontal (right positive), vertical (up
            positive), magnitude; degrees, shape ``(samples, 3)``.
        is_fixating: Fixations by velocity threshold, booleans, shape ``(samples,)``.
        fixation_duration_s: Age of the current fixation, 0 outside one, shape ``(samples,)``.
        face: Facial expression weights in [0, 1], shape ``(samples, weights)``.
        face_names: The weights' names, in the order of the columns of ``face``.
        face_valid: Which samples of the face were measured, shape ``(samples,)``.
        answers: What the viewer answered in questionnaires, encoded in [0, 1] by the names of
            `ANSWERS`; questions without an answer are absent.

    Raises:
        InputError: A shape, a type, a length, the clock or the agreement of direction and
            quaternion is wrong.
    """

    user_id: str
    video_id: str
    source: str
    timestamps_s: Tensor
    viewport_center: Tensor
    head_valid: Tensor
    head_orientation_xyzw: Tensor | None = None
    gaze_direction: Tensor | None = None
    gaze_valid: Tensor | None = None
    gaze_offset_deg: Tensor | None = None
    is_fixating: Tensor | None = None
    fixation_duration_s: Tensor | None = None
    face: Tensor | None = None
    face_names: tuple[str, ...] = ()
    face_valid: Tensor | None = None
    answers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_shapes()
        self._check_streams_complete()
        self._check_clock()
        self._check_units()

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.timestamps_s)

    @property
    def duration_s(self) -> float:
        """Playback time of the last sample minus that of the first."""
        return float(self.timestamps_s[-1] - self.timestamps_s[0])

    @property
    def median_interval_s(self) -> float:
        """Median time between two samples."""
        return float(self.timestamps_s.diff().median())

    def __repr__(self) -> str:
        streams = [
            name
            for name, stream in (
                ("orientation", self.head_orientation_xyzw),
                ("gaze", self.gaze_direction),
                ("face", self.face),
            )
            if stream is not None
        ]
        return (
            f"Recording(user_id={self.user_id!r}, video_id={self.video_id!r}, "
            f"samples={self.samples}, duration_s={self.duration_s:.1f}, "
            f"streams={['head', *streams]}, source={self.source!r})"
        )

    def _fail(self, message: str) -> None:
        raise InputError(
            f"{self.source}: {message} (user {self.user_id!r}, video {self.video_id!r})"
        )

    def _check_shapes(self) -> None:
        samples = len(self.timestamps_s)
        if samples < 2:
            self._fail(f"a recording needs at least 2 samples, found {samples}")
        expected = {
            "timestamps_s": ((samples,), torch.float64),
            "viewport_center": ((samples, 3), torch.float64),
            "head_valid": ((samples,), torch.bool),
            "head_orientation_xyzw": ((samples, 4), torch.float64),
            "gaze_direction": ((samples, 3), torch.float64),
            "gaze_valid": ((samples,), torch.bool),
            "gaze_offset_deg": ((samples, 3), torch.float64),
            "is_fixating": ((samples,), torch.bool),
            "fixation_duration_s": ((samples,), torch.float64),
            "face": ((samples, len(self.face_names)), torch.float64),
            "face_valid": ((samples,), torch.bool),
        }
        for name, (shape, dtype) in expected.items():
            stream: Tensor | None = getattr(self, name)
            if stream is None:
                continue
            if tuple(stream.shape) != shape or stream.dtype != dtype:
                self._fail(
                    f"{name} must have shape {shape} and type {dtype}, "
                    f"got {tuple(stream.shape)} and {stream.dtype}"
                )
            if stream.dtype != torch.bool and not stream.isfinite().all():
                row = int(torch.nonzero(~stream.isfinite().reshape(samples, -1).all(1))[0])
                self._fail(
                    f"{name} must be finite, sample {row} is {stream[row].tolist()}; "
                    "mark lost samples in the mask instead"
                )

    def _check_streams_complete(self) -> None:
        groups = {
            "gaze": (
                "gaze_direction",
                "gaze_valid",
                "gaze_offset_deg",
                "is_fixating",
                "fixation_duration_s",
            ),
            "face": ("face", "face_valid"),
        }
        for stream, names in groups.items():
            absent = [name for name in names if getattr(self, name) is None]
            if 0 < len(absent) < len(names):
                self._fail(f"the {stream} stream is given without {', '.join(absent)}")

    def _check_clock(self) -> None:
        steps_s = self.timestamps_s.diff()
        if not (steps_s > 0).all():
            row = int(torch.nonzero(steps_s <= 0)[0]) + 1
            self._fail(
                f"timestamps_s must increase strictly, sample {row} is at "
                f"{self.timestamps_s[row]:.4f} s after {self.timestamps_s[row - 1]:.4f} s"
            )

    def _check_units(self) -> None:
        for name, mask in (
            ("viewport_center", self.head_valid),
            ("head_orientation_xyzw", self.head_valid),
            ("gaze_direction", self.gaze_valid),
        ):
            vectors: Tensor | None = getattr(self, name)
            if vectors is None or mask is None:
                continue
            length = torch.linalg.vector_norm(vectors, dim=-1)
            wrong = mask & ((length - 1).abs() > UNIT_TOLERANCE)
            if wrong.any():
                row = int(torch.nonzero(wrong)[0])
                self._fail(f"{name} must have unit length, sample {row} has {length[row]:.4f}")
        if self.head_orientation_xyzw is not None:
            apart_deg = torch.rad2deg(
                great_circle_distance(
                    self.viewport_center, forward_direction(self.head_orientation_xyzw)
                )
            )
            wrong = self.head_valid & (apart_deg > AGREEMENT_TOLERANCE_DEG)
            if wrong.any():
                row = int(torch.nonzero(wrong)[0])
                self._fail(
                    "viewport_center must be where head_orientation_xyzw points, sample "
                    f"{row} is {apart_deg[row]:.2f} degrees off"
                )
