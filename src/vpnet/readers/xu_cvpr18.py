"""Recordings of Xu et al., CVPR 2018, in the layout in which the authors hand them out.

``Gaze_txt_files/pNNN/VVV.<date>_ori_0.txt``: person pNNN watched video VVV. No header; each line is
``frame,i,forward,hx,hy,eye,gx,gy``, the head's and the gaze's place in the image at frame i as
fractions of its width and height from the LEFT BOTTOM: yaw = (x - 0.5) 360 and elevation =
(y - 0.5) 180 degrees. Playback time is (i - 1) / fps; the frame rates are not in these files. Roll
was not written.

Source: Y. Xu, Y. Dong, J. Wu, Z. Sun, Z. Shi, J. Yu, S. Gao, "Gaze Prediction in Dynamic 360
Immersive Videos", CVPR 2018, https://doi.org/10.1109/CVPR.2018.00559.
"""

import math
from functools import partial
from pathlib import Path

from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.readers.dataset_files import DatasetLayout, read_headerless_csv
from vpnet.recordings.assembly import assembled_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import Frame
from vpnet.recordings.gaze import GazeRules
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_reading import StudyPart

LAYOUT = DatasetLayout(
    "Gaze_txt_files",
    "*/*.txt",
    names=r"/([^/]+)/(\d{3})[^/]*",
    rule="the name must begin with the video's three digits",
)
VIDEOS_FILE = "xu_cvpr18_videos.csv"
COLUMNS = ("frame", "i", "forward", "hx", "hy", "eye", "gx", "gy")
MARKS = ("frame", "forward", "eye")


@checked
def read_xu_cvpr18(
    root: str | Path,
    *,
    videos_csv: str | Path | None = None,
    frame: Frame = Frame(),
    gaze: GazeRules = GazeRules(),
    study: StudyOptions = StudyOptions(),
) -> Study:
    """All recordings of the data set, one sample per frame of the video.

    Args:
        root: Folder that holds Gaze_txt_files, that folder, one of those in it, or one file.
        videos_csv: CSV file with the columns video (three digits) and fps (frames per second), made
            from the videos, since the recordings count frames; null takes xu_cvpr18_videos.csv in
            root, or next to Gaze_txt_files.
        frame: How the recorded axes lie in the frame of the video.
        gaze: Which gaze is valid, and which is a fixation.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such files, a name is none of the data set's, a frame rate
            is missing, or a setting is out of range.
    """
    files = LAYOUT.require(Path(root))
    videos_file = _videos_file(Path(root), files[0]) if videos_csv is None else Path(videos_csv)
    frame_rates_hz = _read_frame_rates(videos_file)
    parts = []
    for file in files:
        user_id, video_id = LAYOUT.names_of(file)
        if video_id not in frame_rates_hz:
            raise InputError(
                f"{videos_file}: the frame rate of video {video_id} is missing, {file} needs it; "
                f"add the line {video_id},<frames per second>"
            )
        read = partial(_recording, file, user_id, video_id, frame_rates_hz[video_id], frame, gaze)
        parts.append(StudyPart((file,), read, user_id, video_id))
    return Study(parts, study)


def _recording(
    file: Path, user_id: str, video_id: str, frame_rate_hz: float, frame: Frame, gaze: GazeRules
) -> list[CheckedRecording]:
    findings: list[Finding] = []
    rule = " with i from 1 and hx, hy in [0, 1]"
    values = read_headerless_csv(file, COLUMNS, _is_line, rule, findings, MARKS)
    i, hx, hy, gx, gy = values.unbind(dim=-1)
    return [
        assembled_recording(
            user_id,
            video_id,
            str(file),
            (i - 1) / frame_rate_hz,
            _directions(hx, hy),
            frame,
            gaze,
            first_line=1,
            findings=findings,
            gaze_direction=_directions(gx, gy),
            gaze_valid=_is_fraction(gx) & _is_fraction(gy),
        )
    ]


def _videos_file(root: Path, file: Path) -> Path:
    """Where the frame rates are: in the root, or next to the folder that holds all files."""
    root = root if root.is_dir() else root.parent
    in_root, neighbour = root / VIDEOS_FILE, file.absolute().parents[2] / VIDEOS_FILE
    return neighbour if neighbour.is_file() and not in_root.is_file() else in_root


def _read_frame_rates(file: Path) -> dict[str, float]:
    if not file.is_file():
        raise InputError(
            f"{file}: the recordings count frames, so the frame rates of the videos are needed: a "
            "CSV file with the columns video (three digits) and fps, found no such file. Make one "
            "from the videos (ffprobe -v error -select_streams v:0 -show_entries "
            "stream=avg_frame_rate VIDEO), and set videos_csv if it is elsewhere"
        )
    table = read_csv_table(file, ("fps",), text=("video",))
    for row, rate_hz in enumerate(table["fps"]):
        if not 0 < rate_hz < 1000:
            raise InputError(
                f"{file}, line {FIRST_LINE + row}, column fps: frames per second must be "
                f"above 0 and below 1000, found {rate_hz:g}; correct the value"
            )
    # Spreadsheets take "001" for a number and write 1.
    videos = table["video"].str.strip_chars(' "').str.zfill(3)
    return dict(zip(videos, table["fps"], strict=True))


def _is_line(values: Tensor) -> Tensor:
    # Comparisons with what is not a number are False.
    return (values[:, 0] >= 1) & _is_fraction(values[:, 1]) & _is_fraction(values[:, 2])


def _is_fraction(values: Tensor) -> Tensor:
    return (values >= 0) & (values <= 1)


def _directions(from_left: Tensor, from_bottom: Tensor) -> Tensor:
    return direction_from_angles((from_left - 0.5) * 2 * math.pi, (from_bottom - 0.5) * math.pi)
