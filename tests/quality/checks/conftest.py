"""A viewing without fault, as a recording and as a headset's tables, to be spoilt by tests."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from torch import Tensor

from vpnet.geometry.directions import (
    FORWARD,
    direction_from_angles,
    great_circle_distance,
    yaw_and_elevation,
)
from vpnet.geometry.rotations import forward_direction, quaternion_from_angles, rotate
from vpnet.quality.checking import check_recording
from vpnet.quest_pro.files import QuestProFiles, RawTables
from vpnet.recordings.face import FACE_WEIGHTS
from vpnet.recordings.findings import Finding
from vpnet.recordings.gaze import gaze_streams, measured_gaze
from vpnet.recordings.recording import Recording

ROW_RATE_HZ = 72
DURATION_S = 64.0
LEAD_IN = 10
"""Rows before playback."""

BLINK_EVERY_S = 4.0
BLINK_S = 0.15


def held(rows: Tensor, per_sample: int) -> Tensor:
    """Row at which the sample that a row holds was measured."""
    return rows // per_sample * per_sample


def looking_around(times_s: Tensor) -> tuple[Tensor, Tensor]:
    """Yaw and elevation of a head that turns smoothly, in radians."""
    yaw_deg = 50 * torch.sin(times_s / 3) + 20 * torch.sin(1.3 * times_s)
    elevation_deg = 15 * torch.sin(times_s / 2 + 1)
    return torch.deg2rad(yaw_deg), torch.deg2rad(elevation_deg)


@pytest.fixture(scope="session")
def recording() -> Recording:
    """Head, gaze that leads it, blinks and a face: nothing is wrong with it."""
    rows = torch.arange(int(DURATION_S * ROW_RATE_HZ))
    times_s = rows.double() / ROW_RATE_HZ
    yaw_rad, elevation_rad = looking_around(times_s)
    orientation_xyzw = quaternion_from_angles(yaw_rad, elevation_rad, 0.05 * torch.sin(times_s))
    center = forward_direction(orientation_xyzw)
    gaze_times_s = times_s[held(rows, 2)]
    ahead_yaw_rad, ahead_elevation_rad = looking_around(gaze_times_s + 0.4)
    tremor_rad = 0.002 * torch.sin(200 * gaze_times_s)
    gaze = direction_from_angles(ahead_yaw_rad + tremor_rad, ahead_elevation_rad)
    tracked = times_s % BLINK_EVERY_S >= BLINK_S
    phase = torch.arange(1, 64).double()
    weights = 0.2 + 0.2 * torch.sin(times_s[held(rows, 6)].unsqueeze(-1) * (1 + phase / 20) + phase)
    closed = (~tracked).double()
    for side in "LR":
        weights[:, FACE_WEIGHTS.index(f"Eyes_Closed_{side}")] = 0.05 + 0.9 * closed
    return Recording(
        "P1",
        "video",
        "P1/video",
        times_s,
        center,
        torch.ones(len(rows), dtype=torch.bool),
        head_orientation_xyzw=orientation_xyzw,
        **gaze_streams(times_s, center, orientation_xyzw, measured_gaze(gaze, tracked)),
        face=weights,
        face_names=FACE_WEIGHTS,
        face_valid=torch.ones(len(rows), dtype=torch.bool),
    )


@pytest.fixture(scope="session")
def tables(recording) -> RawTables:
    """The same viewing as a headset writes it in layout v2, after 10 rows before playback."""
    before = torch.zeros(LEAD_IN, dtype=torch.long)
    rows = torch.cat((before, torch.arange(recording.samples)))
    playback_s = recording.timestamps_s[rows]
    clock_s = torch.arange(len(rows)).double() / ROW_RATE_HZ + 500
    frame = torch.floor(30 * playback_s)
    frame[:LEAD_IN] = -1
    clock = {"Timestamp": clock_s.numpy(), "PlaybackTime": playback_s.numpy()}
    weights = recording.face[rows]
    face = dict(zip(FACE_WEIGHTS, weights.T.numpy(), strict=True))
    tracked = recording.gaze_valid[rows].double()
    gaze_yaw, gaze_elevation = map(torch.rad2deg, yaw_and_elevation(recording.gaze_direction[rows]))
    head_yaw, head_elevation = map(
        torch.rad2deg, yaw_and_elevation(recording.viewport_center[rows])
    )
    openness = {
        f"{name}Openness": (
            1 - face[f"Eyes_Closed_{side}"] - weights[:, 14:16].amin(dim=1).numpy()
        ).clip(0, 1)
        for name, side in (("Left", "L"), ("Right", "R"))
    }
    offset_deg = great_circle_distance(
        recording.gaze_direction[rows], recording.viewport_center[rows]
    )
    return RawTables(
        head=pl.DataFrame(
            clock
            | {"VideoFrame": frame.numpy()}
            | _vectors("UnitQuaternion", recording.head_orientation_xyzw[rows])
            | {"EulerYaw": head_yaw.numpy(), "EulerPitch": -head_elevation.numpy()}
        ),
        eye=pl.DataFrame(
            clock
            | _vectors("GazeDir", recording.gaze_direction[rows])
            | {f"{side}PupilDiam_NA": 3 + 0.1 * tracked.numpy() for side in ("Left", "Right")}
            | openness
            | {f"Blink{side}": face[f"Eyes_Closed_{side}"] for side in "LR"}
            | {f"{side}Confidence": 0.998 * tracked.numpy() for side in ("Left", "Right")}
            | {"BothEyesValid": tracked.numpy()}
            | {"IsFixating": recording.is_fixating[rows].double().numpy()}
        ),
        face=pl.DataFrame(clock | {"FaceIsValid": torch.ones(len(rows)).double().numpy()} | face),
        combined=pl.DataFrame(
            clock
            | {"GazeYaw": gaze_yaw.numpy(), "GazePitch": gaze_elevation.numpy()}
            | {"GazeRelativeV": (gaze_elevation - head_elevation).numpy()}
            | {"EyeHeadOffset": torch.rad2deg(offset_deg).numpy()}
        ),
        files=QuestProFiles(
            "P1", "video", "P1/video", *(Path("P1/video") / f"{name}.csv" for name in _NAMES)
        ),
    )


@pytest.fixture(scope="session")
def rows(recording) -> Tensor:
    """Rows of the head table that hold the recording's samples."""
    return torch.arange(LEAD_IN, LEAD_IN + recording.samples)


_NAMES = ("head", "eye", "face", "combined")


def _vectors(name: str, vectors: Tensor) -> dict:
    return {
        f"{name}.{axis}": column for axis, column in zip("xyzw", vectors.T.numpy(), strict=False)
    }


@pytest.fixture(scope="session")
def with_head(recording) -> Callable[..., Recording]:
    """Function that gives the recording another head, and no gaze."""

    def change(orientation_xyzw: Tensor) -> Recording:
        return dataclasses.replace(
            without_gaze(recording),
            head_orientation_xyzw=orientation_xyzw,
            viewport_center=forward_direction(orientation_xyzw),
        )

    return change


def without_gaze(recording: Recording) -> Recording:
    return dataclasses.replace(
        recording,
        gaze_direction=None,
        gaze_valid=None,
        gaze_offset_deg=None,
        is_fixating=None,
        fixation_duration_s=None,
    )


@pytest.fixture(scope="session")
def with_gaze(recording) -> Callable[..., Recording]:
    """Function that gives the recording another gaze, or the same with another mask."""

    def change(gaze_direction: Tensor | None = None, valid: Tensor | None = None) -> Recording:
        streams = gaze_streams(
            recording.timestamps_s,
            recording.viewport_center,
            recording.head_orientation_xyzw,
            measured_gaze(
                recording.gaze_direction if gaze_direction is None else gaze_direction,
                recording.gaze_valid if valid is None else valid,
            ),
        )
        return dataclasses.replace(recording, **streams)

    return change


@pytest.fixture(scope="session")
def with_offset(recording, with_gaze) -> Callable[[Tensor, Tensor], Recording]:
    """Function that gives the recording a gaze at these angles from the head, in degrees."""

    def change(horizontal_deg: Tensor, vertical_deg: Tensor) -> Recording:
        turn = quaternion_from_angles(
            torch.deg2rad(horizontal_deg),
            torch.deg2rad(vertical_deg),
            torch.zeros_like(horizontal_deg),
        )
        eye_in_head = rotate(turn, torch.tensor(FORWARD, dtype=torch.float64))
        return with_gaze(rotate(recording.head_orientation_xyzw, eye_in_head))

    return change


@pytest.fixture(scope="session")
def beginning() -> Callable[[Recording, float], Recording]:
    """Function that gives a recording up to this time."""

    def cut(recording: Recording, end_s: float) -> Recording:
        first = recording.timestamps_s <= end_s
        streams = {
            field.name: value[first]
            for field in dataclasses.fields(recording)
            if isinstance(value := getattr(recording, field.name), Tensor)
        }
        return dataclasses.replace(recording, **streams)

    return cut


@pytest.fixture(scope="session")
def found() -> Callable[[Recording], dict[str, Finding]]:
    """Function that gives the findings of a recording by their codes."""

    def check(recording: Recording) -> dict[str, Finding]:
        findings, measurements = check_recording(recording, "P1/video")
        assert all(math.isfinite(value) for value in measurements.values())
        codes = [finding.code for finding in findings]
        assert all(finding.file == "P1/video" for finding in findings)
        return dict(zip(codes, findings, strict=True))

    return check
