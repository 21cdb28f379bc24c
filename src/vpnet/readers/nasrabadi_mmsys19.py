"""Recordings of Nasrabadi et al., MMSys 2019, in the layout in which the authors hand them out.

``Traces/USER/USER_VIDEO.csv``: no header; each line is time in seconds, the quaternion x, y, z, w,
and the unit vector of the viewport centre (right, up, forward), about 60 a second. Videos are
numbered; ``Intro`` is the clip with which viewers got used to the headset. Gaze was not measured.

The vector is read as the authors' own script ``ConvVec2Angl.m`` does: yaw = atan2(first, third),
to the right in the image, and elevation = asin(second). That is the world frame. The quaternion's
frame has y up and looks along -z, and its x axis runs opposite to the vector's first component: of
all signs of axes, only turning it by half a circle about y makes it point along the vector (then
within 0.02 degrees). That turn maps (x, y, z, w) to (-x, y, -z, w), whose roll is that of the world
frame. Which side is the viewer's right, the files alone do not tell; the authors' scripts, which
draw the vectors over the videos, do.

Elevation and roll are to be used with care. A head nods faster than it rolls, which shows which of
its axes runs through the ears; in most of these files that axis is not x, but another one for each
person. The vector then is not quite where that person looked once the head was not level. What the
angle was, the files do not say, so nothing is corrected.

Four videos were turned before they were shown (`VIDEO_ROTATION_DEG`); the reader turns the viewing
back, so that it fits the video as it was published.

Source: A. Taghavi Nasrabadi, A. Samiei, A. Mahzari, R. P. McMahan, R. Prakash, M. C. Q. Farias,
M. M. Carvalho, "A Taxonomy and Dataset for 360-degree Videos", MMSys 2019,
https://doi.org/10.1145/3304109.3325812; scripts and traces at
https://github.com/acmmmsys/2019-360dataset.
"""

from pathlib import Path

import torch
from torch import Tensor

from vpnet.geometry.directions import normalize
from vpnet.readers.dataset_files import DatasetLayout, read_headerless_csv
from vpnet.recordings.assembly import assembled_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import (
    Frame,
    agreeing_orientation,
    align_orientation_to_video,
    align_to_video,
)
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions

LAYOUT = DatasetLayout(
    "Traces",
    "*/*.csv",
    names=r"/([^/]+)_([^_/]+?) *\.csv",
    rule="files must be named USER_VIDEO.csv",
)
COLUMNS = ("t", "qx", "qy", "qz", "qw", "right", "up", "forward")

VIDEO_ROTATION_DEG = {"10": -95.0, "17": 180.0, "27": 63.0, "28": 81.0}
"""How far videos were turned to the right when they were shown: the authors' ``Overlay.m`` moves
the columns of the published frame to the right by this much before it draws the recorded directions
on it. What was recorded at yaw 0 therefore lies at minus this in the published frame."""

LENGTH_TOLERANCE = 0.01
"""Vectors this near to unit length are scaled to it: files hold five digits."""


@checked
def read_nasrabadi_mmsys19(
    root: str | Path,
    *,
    frame: Frame = Frame(),
    study: StudyOptions = StudyOptions(),
) -> Study:
    """All recordings of the data set. Videos are named by number, except ``Intro``.

    Four videos were shown turned; this is undone before ``frame`` is applied.

    Args:
        root: The folder that contains ``Traces``, ``Traces`` itself, one of its subfolders, or the
            file of one recording.
        frame: How the recorded axes lie in the frame of the video.
        study: Which recordings are used, and how they are read.

    Raises:
        InputError: The folder holds no such files, or a file's name is not one of this data set.
    """
    return LAYOUT.study(root, LAYOUT.names_of, _recording, (frame,), study)


def orientation_in_world(recorded_xyzw: Tensor) -> Tensor:
    """Quaternions ``(..., 4)`` of a head that looks along -z, as of one that looks along +z."""
    return recorded_xyzw * recorded_xyzw.new_tensor((-1.0, 1.0, -1.0, 1.0))


def _recording(file: Path, user_id: str, video_id: str, frame: Frame) -> list[CheckedRecording]:
    findings: list[Finding] = []
    rule = ", numbers, with a vector (right, up, forward) of length 1"
    values = read_headerless_csv(file, COLUMNS, _is_line, rule, findings)
    timestamps_s, recorded_xyzw = values[:, 0], values[:, 1:5]
    viewport_center = normalize(values[:, 5:])
    orientation_xyzw = agreeing_orientation(
        torch.nn.functional.normalize(orientation_in_world(recorded_xyzw), dim=-1),
        _has_unit(recorded_xyzw),
        viewport_center,
        torch.ones(len(values), dtype=torch.bool),
        findings,
        file=str(file),
    )
    as_shown = Frame(-VIDEO_ROTATION_DEG.get(video_id, 0.0))
    if orientation_xyzw is not None:
        orientation_xyzw = align_orientation_to_video(orientation_xyzw, as_shown)
    return [
        assembled_recording(
            user_id,
            video_id,
            str(file),
            timestamps_s,
            align_to_video(viewport_center, as_shown),
            frame,
            first_line=1,
            findings=findings,
            head_orientation_xyzw=orientation_xyzw,
        )
    ]


def _is_line(values: Tensor) -> Tensor:
    # A length that is not a number compares as False.
    return values[:, :5].isfinite().all(-1) & _has_unit(values[:, 5:])


def _has_unit(vectors: Tensor) -> Tensor:
    return (torch.linalg.vector_norm(vectors, dim=-1) - 1).abs() <= LENGTH_TOLERANCE
