"""A simulated viewing as the four tables that a Quest Pro writes, defects included.

Layout v2 of docs/CONVENTIONS.md, in its order of columns. What real files get wrong is wrong here
in the same way, so that a reader is tried on it: gaze and face are held over several rows, the
recorded fixations compare neighbouring rows, the head's pitch is positive down while the gaze's is
positive up and combined.csv subtracts one from the other, and the pupil is not measured.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from vpnet.geometry.directions import great_circle_distance, wrap_angle, yaw_and_elevation
from vpnet.geometry.rotations import rotate
from vpnet.geometry.tangent import from_tangent
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.simulation.behaviour import Behaviour, simulate_behaviour
from vpnet.simulation.face import face_weights
from vpnet.simulation.random_stream import random_stream
from vpnet.simulation.videos import SimulatedVideo
from vpnet.simulation.viewers import Viewer

ROW_RATE_HZ = 72
ROWS_PER_GAZE = 2
"""Gaze is measured at 36 Hz and held between."""

ROWS_PER_FACE = 6
"""The face is measured at 12 Hz and held between."""

FRAME_RATE_HZ = 30
"""Frames per second of every simulated video."""

LEAD_IN_S = 1.0
"""How long the headset records before the video plays."""

RECORDED_FIXATION_DEG_S = 30.0
TRACKED_CONFIDENCE = 0.998
EYE_HEIGHT_M = 1.2
VALUE_DECIMALS = 4

TABLE_NAMES = ("head", "eye", "face", "combined")
"""A recording's tables, which are the names of its files."""


@dataclass(frozen=True)
class QuestProTables:
    """The four tables of one recording, row-aligned; the numbers are rounded as in the files."""

    head: pl.DataFrame
    eye: pl.DataFrame
    face: pl.DataFrame
    combined: pl.DataFrame

    def named(self) -> dict[str, pl.DataFrame]:
        """The tables by the names of their files, without the ending."""
        return {name: getattr(self, name) for name in TABLE_NAMES}


def simulate_tables(viewer: Viewer, video: SimulatedVideo, seed: int) -> QuestProTables:
    """What the headset writes while one simulated viewer watches one simulated video.

    Args:
        viewer: Who watches.
        video: What is watched.
        seed: Seed of the simulated study.
    """
    rng = random_stream(seed, "headset", viewer.user_id, video.video_id)
    rows = math.floor((LEAD_IN_S + video.duration_s) * ROW_RATE_HZ)
    times_s = torch.arange(rows, dtype=torch.float64) / ROW_RATE_HZ - LEAD_IN_S
    behaviour = simulate_behaviour(viewer, video, times_s, seed)
    clock = _clock_columns(times_s.numpy(), rng)
    position_m = _head_position(behaviour, rng)
    head = _head_columns(behaviour, position_m)

    every_face = np.arange(0, rows, ROWS_PER_FACE)
    held = np.arange(rows) // ROWS_PER_FACE
    weights = face_weights(viewer, video, behaviour, every_face, seed)[held]
    face = {"FaceIsValid": np.ones(rows, dtype=np.int64)}
    face |= dict(zip(FACE_WEIGHTS, np.round(weights, VALUE_DECIMALS).T, strict=True))

    eye = _eye_columns(viewer, behaviour, position_m, face, clock["Timestamp"], rng)
    combined = _combined_columns(head, eye, face)
    return QuestProTables(*(_table(clock | columns) for columns in (head, eye, face, combined)))


def _clock_columns(times_s: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The headset's clock runs from when it was switched on, the video's from its first frame."""
    switched_on_s = rng.uniform(20.0, 600.0)
    # A logger is called a little early or late; the clock still increases strictly.
    late_s = np.clip(rng.normal(0.0, 0.0003, size=len(times_s)), -0.001, 0.001)
    playing = times_s > -0.5 / ROW_RATE_HZ
    late_s[np.argmax(playing)] = 0.0
    logged_s = times_s + late_s
    return {
        "Timestamp": switched_on_s + LEAD_IN_S + logged_s,
        "PlaybackTime": np.where(playing, logged_s, 0.0),
        "VideoFrame": np.where(playing, np.floor(logged_s * FRAME_RATE_HZ + 1e-9), -1).astype(int),
    }


def _head_position(behaviour: Behaviour, rng: np.random.Generator) -> Tensor:
    """The headset's place in metres: a seated viewer whose head turns about the neck."""
    rows = len(behaviour.times_s)
    neck_to_eyes = torch.tensor((0.0, 0.10, 0.08), dtype=torch.float64)
    seat = torch.from_numpy(rng.normal((0.0, EYE_HEIGHT_M - 0.1, 0.0), 0.03))
    tremor = torch.from_numpy(rng.normal(0.0, 0.0002, size=(rows, 3)))
    return seat + rotate(behaviour.head_orientation_xyzw, neck_to_eyes) + tremor


def _head_columns(behaviour: Behaviour, position_m: Tensor) -> dict[str, np.ndarray]:
    """Orientation, place, Unity's Euler angles (pitch positive DOWN) and their rates."""
    yaw, elevation, roll = behaviour.head_angles_rad.unbind(dim=1)
    angles_deg = {
        "Yaw": np.rad2deg(yaw.numpy()),
        "Pitch": np.rad2deg(-elevation.numpy()),
        "Roll": np.rad2deg(roll.numpy()),
    }
    return (
        _vector_columns("UnitQuaternion", behaviour.head_orientation_xyzw)
        | _vector_columns("HmdPosition", position_m)
        | {f"Euler{name}": _wrap_deg(angle) for name, angle in angles_deg.items()}
        | {
            f"Vel{name}": np.diff(angle, prepend=angle[0]) * ROW_RATE_HZ
            for name, angle in angles_deg.items()
        }
    )


def _eye_columns(
    viewer: Viewer,
    behaviour: Behaviour,
    position_m: Tensor,
    face: dict[str, np.ndarray],
    clock_s: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Gaze held over rows (and over blinks), lids from the face, fixations the naive way."""
    rows = len(behaviour.times_s)
    measured_rows = np.arange(0, rows, ROWS_PER_GAZE)
    is_open = ~behaviour.eyes_closed.numpy()[measured_rows]
    noise_rad = rng.normal(0.0, viewer.fixation_noise_rad, size=(len(measured_rows), 2))
    measured = from_tangent(behaviour.gaze_direction[measured_rows], torch.from_numpy(noise_rad))
    last_open = np.maximum.accumulate(np.where(is_open, np.arange(len(is_open)), 0))
    held = np.arange(rows) // ROWS_PER_GAZE
    gaze = measured[torch.from_numpy(last_open[held])]
    is_tracked = is_open[held].astype(int)
    yaw, elevation = yaw_and_elevation(gaze)
    is_fixating, duration_ms = _recorded_fixations(gaze, clock_s)
    look_down = np.minimum(face["Eyes_Look_Down_L"], face["Eyes_Look_Down_R"])
    sides = ("L", "R")
    return (
        _vector_columns("GazeDir", gaze)
        | _vector_columns("GazeOrigin", position_m)
        | {"GazeYaw": np.rad2deg(yaw.numpy()), "GazePitch": np.rad2deg(elevation.numpy())}
        | {f"{side}PupilDiam_NA": np.full(rows, -1) for side in ("Left", "Right")}
        | {
            f"{name}Openness": np.clip(1 - (face[f"Eyes_Closed_{side}"] + look_down), 0, 1)
            for name, side in (("Left", "L"), ("Right", "R"))
        }
        | {f"Blink{side}": face[f"Eyes_Closed_{side}"] for side in sides}
        | {f"LidTightener{side}": face[f"Lid_Tightener_{side}"] for side in sides}
        | {f"UpperLidRaiser{side}": face[f"Upper_Lid_Raiser_{side}"] for side in sides}
        | {f"{side}Confidence": is_tracked * TRACKED_CONFIDENCE for side in ("Left", "Right")}
        | {
            "IsFixating": is_fixating,
            "FixationDurationMs": duration_ms,
            "BothEyesValid": is_tracked,
        }
    )


def _recorded_fixations(gaze: Tensor, clock_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flag and age in ms, by the angle between neighbouring rows, which a held row makes zero."""
    moved_deg = np.rad2deg(great_circle_distance(gaze[1:], gaze[:-1]).numpy())
    fixating = np.concatenate(([False], moved_deg / np.diff(clock_s) < RECORDED_FIXATION_DEG_S))
    row = np.arange(len(fixating))
    last_moving = np.maximum.accumulate(np.where(fixating, 0, row))
    return fixating.astype(int), 1000 * (clock_s - clock_s[last_moving])


def _combined_columns(
    head: dict[str, np.ndarray], eye: dict[str, np.ndarray], face: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The headset's summary: it subtracts a pitch that is positive down from one positive up."""
    relative_h = _wrap_deg(eye["GazeYaw"] - head["EulerYaw"])
    relative_v = eye["GazePitch"] - head["EulerPitch"]
    return {
        "HeadYaw": head["EulerYaw"],
        "HeadPitch": head["EulerPitch"],
        "HeadRoll": head["EulerRoll"],
        "GazeYaw": eye["GazeYaw"],
        "GazePitch": eye["GazePitch"],
        "GazeRelativeH": relative_h,
        "GazeRelativeV": relative_v,
        "EyeHeadOffset": np.hypot(relative_h, relative_v),
        "AbsoluteGazeYaw": _wrap_deg(head["EulerYaw"] + relative_h),
        "AbsoluteGazePitch": head["EulerPitch"] + relative_v,
        **{name: eye[name] for name in ("LeftOpenness", "RightOpenness", "BlinkL", "BlinkR")},
        "FaceIsValid": face["FaceIsValid"],
        "SmileL": face["Lip_Corner_Puller_L"],
        "SmileR": face["Lip_Corner_Puller_R"],
        "BrowDownL": face["Brow_Lowerer_L"],
        "BrowDownR": face["Brow_Lowerer_R"],
        "JawOpen": face["Jaw_Drop"],
        "EyeClosedL": face["Eyes_Closed_L"],
        "EyeClosedR": face["Eyes_Closed_R"],
        "FaceActivity": np.mean([face[name] for name in FACE_WEIGHTS], axis=0),
    }


def _vector_columns(name: str, vectors: Tensor) -> dict[str, np.ndarray]:
    """Columns ``name.x``, ``name.y``, ... of vectors of shape ``(rows, components)``."""
    columns = vectors.numpy().T
    return {f"{name}.{axis}": column for axis, column in zip("xyzw", columns, strict=False)}


def _wrap_deg(angle_deg: np.ndarray) -> np.ndarray:
    """The same angle in [-180, 180)."""
    return np.rad2deg(wrap_angle(torch.from_numpy(np.deg2rad(angle_deg))).numpy())


def with_fixed_decimals(table: pl.DataFrame) -> pl.DataFrame:
    """The same numbers as decimals, which are written to CSV with all their places.

    Args:
        table: A table of `QuestProTables`.
    """
    return table.with_columns(
        pl.col(name).cast(pl.Decimal(38, _decimals_of(name)))
        for name, dtype in table.schema.items()
        if dtype == pl.Float64
    )


def _decimals_of(column: str) -> int:
    fine = column in ("Timestamp", "PlaybackTime") or column.startswith(("UnitQuat", "GazeDir"))
    return 6 if fine else VALUE_DECIMALS


def _table(columns: dict[str, np.ndarray]) -> pl.DataFrame:
    """A table whose numbers are rounded as they are written; -0.0 becomes 0.0."""
    return pl.DataFrame(
        {
            name: np.round(values, _decimals_of(name)) + 0.0 if values.dtype.kind == "f" else values
            for name, values in columns.items()
        }
    )
