"""Recordings of Wu et al., MMSys 2017, in the layout in which the authors hand them out.

``Formated_Data/Experiment_E/U/video_K.csv``, where user U watched video K of experiment E, with the
columns Timestamp, PlaybackTime, UnitQuaternion.x to .w and HmdPosition.x to .z. No original file
was at hand when this reader was written: it goes by the names of the columns and refuses what lacks
them. The head direction is the quaternion applied to (0, 0, 1); gaze was not measured.

Source: C. Wu, Z. Tan, Z. Wang, S. Yang, "A Dataset for Exploring User Behaviors in VR Spherical
Video Streaming", MMSys 2017, https://doi.org/10.1145/3083187.3083210.
"""

import re
from functools import partial
from pathlib import Path

import polars as pl

from vpnet.errors import InputError
from vpnet.geometry.rotations import forward_direction
from vpnet.quest_pro.rows import UnusableRecording, playback_rows
from vpnet.quest_pro.streams import QUATERNION_COLUMNS, head_orientation
from vpnet.readers.dataset_folder import DatasetLayout
from vpnet.recordings.assembly import checked_recording
from vpnet.recordings.checked import CheckedRecording
from vpnet.recordings.csv_table import FIRST_LINE, read_csv_table
from vpnet.recordings.findings import Finding
from vpnet.recordings.frame import Frame
from vpnet.recordings.refusals import UNREADABLE
from vpnet.settings import checked
from vpnet.studies.study import Study, StudyOptions
from vpnet.studies.study_part import StudyPart

LAYOUT = DatasetLayout("Formated_Data", "Experiment_*/*/video_*.csv")

_NAMES = re.compile(r"Experiment_(\d+)/([^/]+)/video_(\d+)\.csv$")


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
    parts = []
    for file in LAYOUT.require(Path(root)):
        names = _NAMES.search(file.absolute().as_posix())
        if names is None:
            raise InputError(
                f"{file}: files must be named Experiment_E/U/video_K.csv with numbers E and K; "
                "rename or remove it"
            )
        experiment, user_id, video = names.groups()
        video_id = f"{experiment}_{video}"
        read = partial(
            _checked_recordings, file, user_id, video_id, frame, use_timestamp_as_playback
        )
        parts.append(StudyPart((file,), read, user_id, video_id))
    return Study(parts, study)


def _checked_recordings(
    file: Path,
    user_id: str,
    video_id: str,
    frame: Frame,
    use_timestamp_as_playback: bool,
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
        unusable = UNREADABLE.broken(str(error).removeprefix(f"{source}, "), file=source)
        return [CheckedRecording(user_id, video_id, source, None, (*findings, unusable))]
    orientation_xyzw, head_valid = head_orientation(table, rows, source, findings)
    return [
        checked_recording(
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
