"""Recordings of Wu et al., MMSys 2017, in the authors' layout and in that of NetLLM's copy.

Authors: ``Formated_Data/Experiment_E/U/video_K.csv``, where user U watched video K of experiment
E, with the columns Timestamp, PlaybackTime, UnitQuaternion.x to .w and HmdPosition.x to .z. No
original file was at hand when this reader was written: it goes by the names of the columns and
refuses files that lack them. The head direction is the quaternion applied to (0, 0, 1); gaze was
not measured.

NetLLM: ``videoN/5Hz/simple_5Hz_userK.csv``: no header; each line is time in seconds, then roll,
pitch and yaw in degrees, about five a second. Videos 1 to 9 are those of experiment 1, "1_0" to
"1_8", and are named so; users keep their numbers. The angles are intrinsic z, x, y: the head is
turned by roll about z, then by pitch about its own x, then by yaw about its own y, in Unity's axes.
The last two are therefore neither elevation nor yaw of the viewing direction, except where the roll
is 0: read so, directions of the sample files are off by 2.6 to 11.6 degrees in the median and by up
to 113. Rebuilt in this order, orientations are within 0.06 degrees of the quaternions of the
original recordings.

Sources: C. Wu, Z. Tan, Z. Wang, S. Yang, "A Dataset for Exploring User Behaviors in VR Spherical
Video Streaming", MMSys 2017, https://doi.org/10.1145/3083187.3083210. D. Wu, X. Wang, Y. Qiao,
Z. Wang, J. Jiang, S. Cui, F. Wang, "NetLLM: Adapting Large Language Models for Networking", SIGCOMM
2024, https://doi.org/10.1145/3651890.3672268.
"""

from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.rotations import forward_direction, multiply_quaternions
from vpnet.quest_pro.rows import UnusableRecording, playback_rows
from vpnet.quest_pro.tables import QUATERNION_COLUMNS, head_orientation
from vpnet.readers.dataset_files import DatasetLayout, read_headerless_csv
from vpnet.recordings.assembly import assembled_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table
from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.frame import Frame
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions

LAYOUT = DatasetLayout(
    "Formated_Data",
    "Experiment_*/*/video_*.csv",
    names=r"Experiment_(\d+)/([^/]+)/video_(\d+)\.csv",
    rule="files must be named Experiment_E/U/video_K.csv with numbers E and K",
)
NETLLM_LAYOUT = DatasetLayout(
    "",
    "video*/5Hz/simple_5Hz_user*.csv",
    names=r"video(0*[1-9]\d*)/5Hz/simple_5Hz_user(\d+)\.csv",
    rule="files must be named videoN/5Hz/simple_5Hz_userK.csv with numbers N from 1 and K",
)
NETLLM_COLUMNS = ("t", "roll", "pitch", "yaw")


@checked
def read_wu_mmsys17(
    root: str | Path,
    *,
    frame: Frame = Frame(),
    use_timestamp_as_playback: bool = False,
    study: StudyOptions = StudyOptions(),
) -> Study:
    """All recordings of the data set; videos are named "E_K", as in "1_0" to "2_8".

    Rows before playback are left out as in the Quest Pro's files, which share these columns.

    Args:
        root: Folder that holds Formated_Data, that folder, one of those in it, or one file.
        frame: How the recorded axes lie in the frame of the video.
        use_timestamp_as_playback: Whether a recording whose PlaybackTime is 0 throughout, which is
            otherwise refused, takes the time since its first row.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such files, or a name is none of the data set's.
    """
    settings = (frame, use_timestamp_as_playback)
    return LAYOUT.study(root, _ids, _recording, settings, study)


def _ids(file: Path) -> tuple[str, str]:
    experiment, user_id, video = LAYOUT.names_of(file)
    return user_id, f"{experiment}_{video}"


def _recording(
    file: Path, user_id: str, video_id: str, frame: Frame, use_timestamp_as_playback: bool
) -> list[CheckedRecording]:
    findings: list[Finding] = []
    source = str(file)
    table = read_csv_table(
        file, ("PlaybackTime", *QUATERNION_COLUMNS), text=("Timestamp",), findings=findings
    )
    timestamp_s = table["Timestamp"].cast(pl.Float64, strict=False)
    if not timestamp_s.null_count():
        table = table.with_columns(timestamp_s)
    try:
        rows, timestamps_s = playback_rows(table, source, findings, use_timestamp_as_playback)
    except UnusableRecording as error:
        found = (*findings, error.finding)
        return [CheckedRecording(user_id, video_id, source, None, found)]
    except InputError as error:
        unusable = RULES["unreadable"].broken(str(error).removeprefix(f"{source}, "), file=source)
        return [CheckedRecording(user_id, video_id, source, None, (*findings, unusable))]
    orientation_xyzw, head_valid = head_orientation(table, rows, source, findings)
    return [
        assembled_recording(
            user_id,
            video_id,
            source,
            timestamps_s,
            forward_direction(orientation_xyzw),
            frame,
            first_line=FIRST_LINE + int(rows[0]),
            findings=findings,
            head_valid=head_valid,
            head_orientation_xyzw=orientation_xyzw,
        )
    ]


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
    return NETLLM_LAYOUT.study(root, _ids_of_copy, _recording_of_copy, (frame,), study)


def _ids_of_copy(file: Path) -> tuple[str, str]:
    video, user_id = NETLLM_LAYOUT.names_of(file)
    return user_id, f"1_{int(video) - 1}"


def orientation_from_zxy(roll_rad: Tensor, pitch_rad: Tensor, yaw_rad: Tensor) -> Tensor:
    """Orientation turned about z, then its own x (positive down), then its own y (to the right).

    Returns:
        Unit quaternions (x, y, z, w), shape ``(..., 4)``.
    """
    zero = torch.zeros_like(roll_rad)
    about_z = torch.stack((zero, zero, torch.sin(roll_rad / 2), torch.cos(roll_rad / 2)), -1)
    about_x = torch.stack((torch.sin(pitch_rad / 2), zero, zero, torch.cos(pitch_rad / 2)), -1)
    about_y = torch.stack((zero, torch.sin(yaw_rad / 2), zero, torch.cos(yaw_rad / 2)), -1)
    return multiply_quaternions(about_z, multiply_quaternions(about_x, about_y))


def _recording_of_copy(
    file: Path, user_id: str, video_id: str, frame: Frame
) -> list[CheckedRecording]:
    findings: list[Finding] = []
    rule = ", the time in seconds and angles in degrees"
    values = read_headerless_csv(file, NETLLM_COLUMNS, _is_line_of_copy, rule, findings)
    orientation_xyzw = orientation_from_zxy(*torch.deg2rad(values[:, 1:]).unbind(dim=-1))
    return [
        assembled_recording(
            user_id,
            video_id,
            str(file),
            values[:, 0],
            forward_direction(orientation_xyzw),
            frame,
            first_line=1,
            findings=findings,
            head_orientation_xyzw=orientation_xyzw,
        )
    ]


def _is_line_of_copy(values: Tensor) -> Tensor:
    # What is not a number is not within a circle either.
    return values[:, 0].isfinite() & (values[:, 1:].abs() <= 360).all(dim=-1)
