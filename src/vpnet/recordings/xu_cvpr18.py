"""Recordings of Xu et al., CVPR 2018, in the layout in which the authors hand them out.

``Gaze_txt_files/pNNN/VVV.<date>_ori_0.txt``: person pNNN watched video VVV. No header; each line is
``frame,i,forward,hx,hy,eye,gx,gy``, the head's and the gaze's place in the image at frame i as
fractions of its width and height from the LEFT BOTTOM: yaw = (x - 0.5) 360 and elevation =
(y - 0.5) 180 degrees. Playback time is (i - 1) / fps; the frame rates are not in these files. Roll
was not written.

Source: Y. Xu, Y. Dong, J. Wu, Z. Sun, Z. Shi, J. Yu, S. Gao, "Gaze Prediction in Dynamic 360
Immersive Videos", CVPR 2018, https://doi.org/10.1109/CVPR.2018.00559.
"""

import logging
import math
import re
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.recordings.assembly import assemble_recording
from vpnet.recordings.csv_table import FIRST_LINE as FIRST_LINE_OF_VIDEOS
from vpnet.recordings.csv_table import read_csv_table
from vpnet.recordings.dataset_folder import dataset_files
from vpnet.recordings.recording import Recording

VIDEOS_FILE = "xu_cvpr18_videos.csv"
COLUMNS = ("frame", "i", "forward", "hx", "hy", "eye", "gx", "gy")
_WORDS = ("frame", "forward", "eye")
_NUMBERS = ("i", "hx", "hy", "gx", "gy")
_LOGGER = logging.getLogger(__name__)


def read_xu_cvpr18(
    root: str | Path,
    *,
    videos_csv: str | Path | None = None,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    max_gaze_offset_deg: float | None = 60.0,
    velocity_threshold_deg_s: float = 30.0,
) -> list[Recording]:
    """All recordings of the data set, one sample per frame of the video.

    Args:
        root: Folder that holds ``Gaze_txt_files``, or that folder itself.
        videos_csv: CSV file with the columns video (three digits) and fps, frames per second; None
            for ``xu_cvpr18_videos.csv`` in ``root``.
        video_yaw_offset_deg: Added to the yaw of head and gaze, after the mirror.
        mirror: Whether left and right are exchanged.
        max_gaze_offset_deg: Gaze further than this from the head's axis is marked invalid; None
            keeps it.
        velocity_threshold_deg_s: Slower gaze is a fixation.

    Raises:
        InputError: The folder holds no such files, a frame rate is missing, or a file breaks a
            rule.
    """
    files = dataset_files(root, "Gaze_txt_files", "*/*.txt")
    videos_file = Path(root) / VIDEOS_FILE if videos_csv is None else Path(videos_csv)
    frame_rates_hz = _read_frame_rates(videos_file)
    recordings = []
    for file in files:
        if not re.match(r"\d{3}", file.name):
            raise InputError(
                f"{file}: the name must begin with the video's three digits; rename or remove it"
            )
        video_id = file.name[:3]
        if video_id not in frame_rates_hz:
            raise InputError(
                f"{videos_file}: the frame rate of video {video_id} is missing, {file} needs it; "
                f"add the line {video_id},<frames per second>"
            )
        frame, viewport_center, gaze_direction, gaze_valid = _read_samples(file)
        recordings.append(
            assemble_recording(
                file.parent.name,
                video_id,
                str(file),
                (frame - 1) / frame_rates_hz[video_id],
                viewport_center,
                first_line=1,
                gaze_direction=gaze_direction,
                gaze_valid=gaze_valid,
                video_yaw_offset_deg=video_yaw_offset_deg,
                mirror=mirror,
                max_gaze_offset_deg=max_gaze_offset_deg,
                velocity_threshold_deg_s=velocity_threshold_deg_s,
            )
        )
    return recordings


def _read_frame_rates(file: Path) -> dict[str, float]:
    if not file.is_file():
        raise InputError(
            f"{file}: the recordings count frames, so the frame rates of the videos are needed: a "
            "CSV file with the columns video (three digits) and fps, found no such file. Make one "
            "from the videos (ffprobe -v error -select_streams v:0 -show_entries "
            "stream=avg_frame_rate VIDEO), and set videos_csv if it lies elsewhere"
        )
    table = read_csv_table(file, ("fps",), text=("video",))
    for row, rate_hz in enumerate(table["fps"]):
        if not 0 < rate_hz < 1000:
            raise InputError(
                f"{file}, line {FIRST_LINE_OF_VIDEOS + row}, column fps: frames per second must be "
                f"above 0 and below 1000, found {rate_hz:g}; mend the value"
            )
    # Spreadsheets take "001" for a number and write 1.
    videos = table["video"].str.strip_chars(' "').str.zfill(3)
    return dict(zip(videos, table["fps"], strict=True))


def _read_samples(file: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Frame numbers, head directions, gaze directions and which of these were measured."""
    try:
        table = pl.read_csv(file, has_header=False, schema=dict.fromkeys(COLUMNS, pl.String))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{file}: a line must be {','.join(COLUMNS)}, the file cannot be read so ({error}); "
            "unpack it again"
        ) from error
    if table["gy"][-1] is None:
        _LOGGER.warning("%s, line %d: the last line is cut off and is dropped", file, len(table))
        table = table[:-1]
    words = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(name)) for name in _WORDS)
    numbers = table.select(words.alias("named"), pl.col(_NUMBERS).cast(pl.Float64, strict=False))
    i, hx, hy, gx, gy = (
        torch.from_numpy(numbers[name].fill_null(math.nan).to_numpy(writable=True))
        for name in _NUMBERS
    )
    named = torch.from_numpy(numbers["named"].to_numpy(writable=True))
    # Comparisons with what is not a number are False.
    good = named & (i >= 1) & _is_fraction(hx) & _is_fraction(hy)
    if not good.all():
        row = int(torch.nonzero(~good)[0])
        found = ",".join(value or "" for value in table.row(row))
        raise InputError(
            f"{file}, line {row + 1}: a line must be {','.join(COLUMNS)} with i from 1 and hx, hy "
            f"in [0, 1], found {found}; mend or delete it"
        )
    gaze_valid = _is_fraction(gx) & _is_fraction(gy)
    if not gaze_valid.all():
        _LOGGER.info("%s: %d samples of the gaze are lost", file, int((~gaze_valid).sum()))
    return i, _directions(hx, hy), _directions(gx, gy), gaze_valid


def _is_fraction(values: Tensor) -> Tensor:
    return (values >= 0) & (values <= 1)


def _directions(from_left: Tensor, from_bottom: Tensor) -> Tensor:
    return direction_from_angles((from_left - 0.5) * 2 * math.pi, (from_bottom - 0.5) * math.pi)
