"""The gaze that a Quest Pro measured, for checks: that beyond the reach of eyes included."""

from torch import Tensor

from vpnet.quest_pro.files import RawTables
from vpnet.quest_pro.rows import matched_rows
from vpnet.quest_pro.streams import gaze_samples
from vpnet.recordings.frame import Frame, align_to_video
from vpnet.recordings.gaze import measured_gaze
from vpnet.recordings.recording import Recording


def gaze_of_tables(
    tables: RawTables, rows: Tensor, recording: Recording, frame: Frame
) -> Tensor | None:
    """Gaze as it was measured, whether or not eyes can turn there.

    Args:
        tables: The tables.
        rows: Rows of the head table that the samples were read from, shape ``(samples,)``.
        recording: What was read from them.
        frame: As the recording was read with.

    Returns:
        See `measured_gaze`; None where the recording has no gaze.
    """
    if tables.eye is None or recording.gaze_valid is None:
        return None
    # The reader has noted already what this finds.
    matched = matched_rows(tables.head, tables.eye, rows, head_file="", file="", findings=[])
    if matched is None:
        return None
    gaze_direction, gaze_valid = gaze_samples(tables.eye, matched)
    return measured_gaze(
        align_to_video(gaze_direction, frame),
        gaze_valid & recording.head_valid,
    )
