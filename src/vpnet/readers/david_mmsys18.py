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
from torch import Tensor

from vpnet.geometry.directions import direction_from_angles
from vpnet.readers.dataset_files import DatasetLayout
from vpnet.recordings.assembly import assembled_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table
from vpnet.recordings.findings import RULES, Finding
from vpnet.recordings.frame import Frame
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions

LAYOUT = DatasetLayout("H/Scanpaths", "*.csv")
COLUMNS = ("# Idx", "longitude", "latitude", "start timestamp")


@checked
def read_david_mmsys18(
    root: str | Path,
    *,
    frame: Frame = Frame(),
    study: StudyOptions = StudyOptions(),
) -> Study:
    """All head-only recordings of the data set, video by video.

    Args:
        root: Folder that holds H/Scanpaths, that folder, or the file of one video.
        frame: How the recorded axes lie in the frame of the video.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such files.
    """
    return LAYOUT.study(root, _ids, _recordings, (frame,), study)


def _ids(file: Path) -> tuple[str, str]:
    return "", file.stem.removesuffix("_fixations")


def _recordings(file: Path, _: str, video_id: str, frame: Frame) -> list[CheckedRecording]:
    of_the_file: list[Finding] = []
    table = read_csv_table(file, COLUMNS, findings=of_the_file)
    values = torch.from_numpy(table.to_numpy(writable=True))
    begins = [0, *(torch.nonzero(values[:, 0].diff() <= 0).squeeze(-1) + 1).tolist(), len(values)]
    checked = []
    for person, (begin, end) in enumerate(zip(begins[:-1], begins[1:], strict=True)):
        user_id, first_line = str(person), FIRST_LINE + begin
        # Only the last person can have lost the line that the end of the file cuts off.
        findings = list(of_the_file) if end == len(values) else []
        longitude, latitude, start_ms = values[begin:end, 1:].unbind(dim=-1)
        outside = _finding_outside(file, longitude, latitude, first_line)
        if outside is not None:
            found = (*findings, outside)
            checked.append(CheckedRecording(user_id, video_id, str(file), None, found))
            continue
        viewport_center = direction_from_angles(
            (longitude - 0.5) * 2 * math.pi, (0.5 - latitude) * math.pi
        )
        checked.append(
            assembled_recording(
                user_id,
                video_id,
                str(file),
                start_ms / 1000,
                viewport_center,
                frame,
                first_line=first_line,
                findings=findings,
            )
        )
    return checked


def _finding_outside(
    file: Path, longitude: Tensor, latitude: Tensor, first_line: int
) -> Finding | None:
    """What is wrong with the first value of a person that is no fraction."""
    fractions = torch.stack((longitude, latitude), dim=-1)
    outside = (fractions < 0) | (fractions > 1)
    if not outside.any():
        return None
    row, column = torch.nonzero(outside)[0].tolist()
    line = first_line + row
    return RULES["unreadable"].broken(
        f"column {COLUMNS[1 + column]}: the value must be a fraction in [0, 1], found "
        f"{float(fractions[row, column]):g}",
        file=file,
        lines=[(line, line)],
        rows=int(outside.any(dim=-1).sum()),
        remedy="correct it (if it is in degrees, convert it), or leave the recording out",
    )
