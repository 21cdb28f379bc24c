"""Recordings of David et al., MMSys 2018 (head-only), in the authors' layout.

``H/Scanpaths/<video>_fixations.csv`` holds all people who watched a video, one after the other: its
Idx starts again at 0 with each. Longitude and latitude are fractions of the image's width and
height from the left top, so yaw = (longitude - 0.5) 360 and elevation = (0.5 - latitude) 180
degrees. The start timestamp is in milliseconds of playback, one every 200 ms. People are named by
their place in the file, from "0"; roll and gaze are not in these files.

Source: E. David, J. Gutierrez, A. Coutrot, M. Perreira Da Silva, P. Le Callet, "A Dataset of Head
and Eye Movements for 360 Degree Videos", MMSys 2018, https://doi.org/10.1145/3204949.3208139.
"""

import math
from pathlib import Path

import torch

from vpnet.errors import InputError
from vpnet.geometry.directions import direction_from_angles
from vpnet.recordings.assembly import assemble_recording
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table
from vpnet.recordings.dataset_folder import dataset_files
from vpnet.recordings.recording import Recording

COLUMNS = ("# Idx", "longitude", "latitude", "start timestamp")


def read_david_mmsys18(
    root: str | Path, *, video_yaw_offset_deg: float = 0.0, mirror: bool = False
) -> list[Recording]:
    """All head-only recordings of the data set, video by video.

    Args:
        root: Folder that holds ``H/Scanpaths``, or that folder itself.
        video_yaw_offset_deg: Added to the yaw, after the mirror.
        mirror: Whether left and right are exchanged.

    Raises:
        InputError: The folder holds no such files, or one of them breaks a rule.
    """
    recordings = []
    for file in dataset_files(root, "H/Scanpaths", "*.csv"):
        table = torch.from_numpy(read_csv_table(file, COLUMNS).to_numpy(writable=True))
        index, longitude, latitude, start_ms = table.unbind(dim=-1)
        outside = (table[:, 1:3] < 0) | (table[:, 1:3] > 1)
        if outside.any():
            row, column = torch.nonzero(outside)[0].tolist()
            raise InputError(
                f"{file}, line {FIRST_LINE + row}, column {COLUMNS[1 + column]}: the value must be "
                f"a fraction in [0, 1], found {float(table[row, 1 + column]):g}; if it is in "
                "degrees, convert it"
            )
        viewport_center = direction_from_angles(
            (longitude - 0.5) * 2 * math.pi, (0.5 - latitude) * math.pi
        )
        begins = [0, *(torch.nonzero(index.diff() <= 0).squeeze(-1) + 1).tolist(), len(table)]
        for person, (begin, end) in enumerate(zip(begins[:-1], begins[1:], strict=True)):
            recordings.append(
                assemble_recording(
                    str(person),
                    file.stem.removesuffix("_fixations"),
                    str(file),
                    start_ms[begin:end] / 1000,
                    viewport_center[begin:end],
                    first_line=FIRST_LINE + begin,
                    video_yaw_offset_deg=video_yaw_offset_deg,
                    mirror=mirror,
                )
            )
    return recordings
