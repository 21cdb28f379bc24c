"""The copy of Wu et al., MMSys 2017, that comes with NetLLM, in its layout.

``videoN/5Hz/simple_5Hz_userK.csv``: no header; each line is time in seconds, then roll, pitch and
yaw in degrees, about five a second. Videos 1 to 9 are those of Wu's experiment 1, "1_0" to "1_8",
and are named so; users keep their numbers. Gaze was not measured.

The angles are intrinsic z, x, y: the head is turned by roll about z, then by pitch about its own x,
then by yaw about its own y, in Unity's axes. The last two are therefore neither elevation nor yaw
of the viewing direction, except where the roll is 0: read so, directions of the sample files are
off by 2.6 to 11.6 degrees in the median and by up to 113. Rebuilt in this order, orientations are
within 0.06 degrees of the quaternions of the original recordings.

Source: D. Wu, X. Wang, Y. Qiao, Z. Wang, J. Jiang, S. Cui, F. Wang, "NetLLM: Adapting Large
Language Models for Networking", SIGCOMM 2024, https://doi.org/10.1145/3651890.3672268; the
recordings are described in `vpnet.readers.wu_mmsys17`.
"""

import re
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.rotations import forward_direction, multiply_quaternions
from vpnet.readers.dataset_folder import DatasetLayout
from vpnet.readers.headerless_csv import (
    FIRST_LINE,
    numbers,
    read_headerless_csv,
    require_lines,
)
from vpnet.recordings.assembly import checked_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import Frame
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_part import StudyPart

LAYOUT = DatasetLayout("", "video*/5Hz/simple_5Hz_user*.csv")
COLUMNS = ("t", "roll", "pitch", "yaw")

_NAMES = re.compile(r"video(\d+)/5Hz/simple_5Hz_user(\d+)\.csv$")


@checked
def read_netllm_wu17(
    root: str | Path,
    *,
    frame: Frame = Frame(),
    study: StudyOptions = StudyOptions(),
) -> Study:
    """All recordings of the copy; videos are named as in the original, "1_0" to "1_8".

    Args:
        root: Folder that holds the folders videoN, one of these, or one file.
        frame: How the recorded axes lie in the frame of the video.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such files, or a name is none of the copy's.
    """
    parts = []
    for file in LAYOUT.require(Path(root)):
        names = _NAMES.search(file.absolute().as_posix())
        if names is None or int(names[1]) < 1:
            raise InputError(
                f"{file}: files must be named videoN/5Hz/simple_5Hz_userK.csv with numbers N from "
                "1 and K; rename or remove it"
            )
        video_id, user_id = f"1_{int(names[1]) - 1}", names[2]
        read = partial(_checked_recordings, file, user_id, video_id, frame)
        parts.append(StudyPart((file,), read, user_id, video_id))
    return Study(parts, study)


def orientation_from_zxy(roll_rad: Tensor, pitch_rad: Tensor, yaw_rad: Tensor) -> Tensor:
    """Orientation turned about z, then its own x, then its own y.

    Args:
        roll_rad: Turn about z, shape ``(...)``.
        pitch_rad: Turn about x, positive down, shape ``(...)``.
        yaw_rad: Turn about y, positive to the right, shape ``(...)``.

    Returns:
        Unit quaternions (x, y, z, w), shape ``(..., 4)``.
    """
    zero = torch.zeros_like(roll_rad)
    about_z = torch.stack((zero, zero, torch.sin(roll_rad / 2), torch.cos(roll_rad / 2)), -1)
    about_x = torch.stack((torch.sin(pitch_rad / 2), zero, zero, torch.cos(pitch_rad / 2)), -1)
    about_y = torch.stack((zero, torch.sin(yaw_rad / 2), zero, torch.cos(yaw_rad / 2)), -1)
    return multiply_quaternions(about_z, multiply_quaternions(about_x, about_y))


def _checked_recordings(
    file: Path, user_id: str, video_id: str, frame: Frame
) -> list[CheckedRecording]:
    findings: list[Finding] = []
    table = read_headerless_csv(file, COLUMNS, findings)
    values = numbers(table, COLUMNS)
    timestamps_s, angles_deg = values[:, 0], values[:, 1:]
    require_lines(
        file,
        table,
        # What is not a number is not within a circle either.
        timestamps_s.isfinite() & (angles_deg.abs() <= 360).all(dim=-1),
        f"{','.join(COLUMNS)}, the time in seconds and angles in degrees",
    )
    orientation_xyzw = orientation_from_zxy(*torch.deg2rad(angles_deg).unbind(dim=-1))
    return [
        checked_recording(
            user_id,
            video_id,
            str(file),
            timestamps_s,
            forward_direction(orientation_xyzw),
            frame,
            first_line=FIRST_LINE,
            findings=findings,
            head_orientation_xyzw=orientation_xyzw,
        )
    ]
