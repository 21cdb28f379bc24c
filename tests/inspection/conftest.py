"""A small study with everything that a report can meet, made by hand."""

import dataclasses
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from vpnet.geometry.directions import direction_from_angles
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.face import FACE_ACTIVITY
from vpnet.recordings.findings import Finding, Rule, Severity
from vpnet.recordings.gaze import gaze_streams
from vpnet.recordings.recording import Recording
from vpnet.recordings.refusals import EULER_DISAGREES, UNREADABLE
from vpnet.recordings.study import Study, StudyPart

NASTY = '</script><img src=x onerror=alert(1)> & "Zoë\'s"'
LOST = Rule(
    "gaze_lost",
    Severity.WARNING,
    "Gaze is often lost",
    meaning="Much of the gaze is unknown.",
    remedy="clean the lenses",
)
COARSE = Rule(
    "pupil_not_measured",
    Severity.NOTE,
    "Pupils were not measured",
    meaning="No feature can be made of them.",
    remedy="nothing needs to be done",
)
FACE = ("Eyes_Closed_L", "Eyes_Closed_R", "Eyes_Look_Down_L", "Eyes_Look_Down_R", FACE_ACTIVITY)


def _recording(user_id: str, video_id: str, samples: int = 1500) -> Recording:
    """A head that turns once around, gaze that is lost for a while, eyes that close."""
    timestamps_s = torch.arange(samples, dtype=torch.float64) / 72
    phase = 2 * torch.pi * timestamps_s / 10
    center = direction_from_angles(phase, 0.3 * torch.sin(phase))
    gaze = direction_from_angles(phase + 0.2, 0.3 * torch.sin(phase) + 0.1)
    gaze_valid = (timestamps_s < 5) | (timestamps_s > 8)
    face = torch.zeros(samples, len(FACE), dtype=torch.float64)
    face[:, :2] = (timestamps_s % 4 < 0.2).double().unsqueeze(1)
    face[:, 2:4] = 0.25
    face[:, 4] = 0.1 + 0.05 * torch.cos(phase)
    streams: dict[str, Any] = gaze_streams(timestamps_s, center, None, gaze, gaze_valid)
    return Recording(
        user_id,
        video_id,
        f"study/{user_id}/{video_id}",
        timestamps_s,
        center,
        torch.ones(samples, dtype=torch.bool),
        **streams,
        face=face,
        face_names=FACE,
        face_valid=torch.ones(samples, dtype=torch.bool),
    )


def _findings(user_id: str, video_id: str) -> tuple[Finding, ...]:
    findings = [COARSE.broken("the pupil columns are -1 throughout", file="eye.csv", rows=1500)]
    if user_id == NASTY:
        findings.append(LOST.broken("30 % of the rows have no valid gaze", rows=450))
    if (user_id, video_id) == ("B", "ride"):
        found = "EulerYaw differs from the quaternion by 90.0 degrees"
        findings.append(EULER_DISAGREES.broken(found, file="head.csv", lines=[(2, 7), (9, 9)]))
    return tuple(findings)


def _read(user_id: str, video_id: str) -> list[CheckedRecording]:
    recording = _recording(user_id, video_id)
    findings = () if user_id == "C" else _findings(user_id, video_id)
    measurements = {
        "rows": 1500.0,
        "duration_s": recording.duration_s,
        "last_s": recording.duration_s,
        "fingerprint": float(zlib.crc32(f"{user_id}/{video_id}".encode())),
    }
    source = recording.source
    return [CheckedRecording(user_id, video_id, source, recording, findings, measurements)]


def _read_nothing() -> list[CheckedRecording]:
    finding = UNREADABLE.broken("line 3 holds a word", file="torn.csv", lines=[(3, 3)])
    return [CheckedRecording("", "", "study/torn.csv", None, (finding,))]


@pytest.fixture(scope="session")
def nasty() -> str:
    """Name of a participant whom a careless page would run as a program."""
    return NASTY


@pytest.fixture(scope="session")
def make_recording() -> Callable[..., Recording]:
    """Function that makes the recording of a user and a video, with a number of samples."""
    return _recording


@pytest.fixture(scope="session")
def study() -> Study:
    """People B (one recording refused), C (good) and one with a nasty name; one torn file."""
    pairs = [(user, video) for user in (NASTY, "B", "C") for video in ("ride", "walk")]
    pairs.remove(("C", "walk"))
    parts = [StudyPart((), partial(_read, *pair)) for pair in pairs]
    return Study([*parts, StudyPart((), partial(_read_nothing))], cache=False, workers=1)


@pytest.fixture(scope="session")
def one_recording() -> Study:
    """Only the recording that is refused."""
    return Study([StudyPart((), partial(_read, "B", "ride"))], cache=False, workers=1)


@pytest.fixture(scope="session")
def repeated() -> Callable[[Study, int], Study]:
    """Function that makes a study of as many recordings as asked for, under ever new names."""

    def renamed(part: StudyPart, number: int) -> list[CheckedRecording]:
        (one,) = part.checked()
        return [
            dataclasses.replace(
                one,
                user_id=f"P{number // 14}",
                video_id=f"video_{number % 14}",
                measurements={**one.measurements, "fingerprint": float(number)},
            )
        ]

    def repeat(study: Study, recordings: int) -> Study:
        part = study.parts[0]
        parts = [StudyPart((Path(),), partial(renamed, part, n)) for n in range(recordings)]
        return Study(parts, cache=False, workers=1)

    return repeat
