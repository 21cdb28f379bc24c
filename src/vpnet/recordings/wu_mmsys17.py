"""Recordings of Wu et al., MMSys 2017, in the layout in which the authors hand them out.

``Formated_Data/Experiment_E/U/video_K.csv``, where user U watched video K of experiment E, with the
columns Timestamp, PlaybackTime, UnitQuaternion.x to .w and HmdPosition.x to .z. No original file
was at hand when this reader was written: it goes by the names of the columns and refuses what lacks
them. The head direction is the quaternion applied to (0, 0, 1); gaze was not measured.

Source: C. Wu, Z. Tan, Z. Wang, S. Yang, "A Dataset for Exploring User Behaviors in VR Spherical
Video Streaming", MMSys 2017, https://doi.org/10.1145/3083187.3083210.
"""

import re
from pathlib import Path

import polars as pl

from vpnet.errors import InputError
from vpnet.geometry.rotations import forward_direction
from vpnet.recordings.assembly import assemble_recording
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table
from vpnet.recordings.dataset_folder import dataset_files
from vpnet.recordings.quest_pro_rows import playback_rows
from vpnet.recordings.quest_pro_streams import QUATERNION_COLUMNS, head_orientation
from vpnet.recordings.recording import Recording

_NAMES = re.compile(r"Experiment_(\d+)/([^/]+)/video_(\d+)\.csv$")


def read_wu_mmsys17(
    root: str | Path,
    *,
    video_yaw_offset_deg: float = 0.0,
    mirror: bool = False,
    use_timestamp_as_playback: bool = False,
) -> list[Recording]:
    """All recordings of the data set; videos are named "E_K", as in "1_0" to "2_8".

    Rows before playback are left out as in the Quest Pro's files, which share these columns.

    Args:
        root: Folder that holds ``Formated_Data``, or that folder itself.
        video_yaw_offset_deg: Added to the yaw, after the mirror.
        mirror: Whether left and right are exchanged.
        use_timestamp_as_playback: Whether Timestamp may stand in for a PlaybackTime that is 0
            throughout.

    Raises:
        InputError: The folder holds no such files, or one of them breaks a rule.
    """
    recordings = []
    for file in dataset_files(root, "Formated_Data", "Experiment_*/*/video_*.csv"):
        names = _NAMES.search(file.as_posix())
        if names is None:
            raise InputError(
                f"{file}: files must be named Experiment_E/U/video_K.csv with numbers E and K; "
                "rename or remove it"
            )
        experiment, user_id, video = names.groups()
        source = str(file)
        table = read_csv_table(file, ("PlaybackTime", *QUATERNION_COLUMNS), text=("Timestamp",))
        timestamp_s = table["Timestamp"].cast(pl.Float64, strict=False)
        if not timestamp_s.null_count():
            table = table.with_columns(timestamp_s)
        rows, timestamps_s = playback_rows(table, source, use_timestamp_as_playback)
        orientation_xyzw = head_orientation(table, rows, source)
        recordings.append(
            assemble_recording(
                user_id,
                f"{experiment}_{video}",
                source,
                timestamps_s,
                forward_direction(orientation_xyzw),
                first_line=FIRST_LINE + int(rows[0]),
                head_orientation_xyzw=orientation_xyzw,
                video_yaw_offset_deg=video_yaw_offset_deg,
                mirror=mirror,
            )
        )
    return recordings
