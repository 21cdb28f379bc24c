"""Every rule that a recording or a study can break, in the order in which they are documented."""

from vpnet.quality.checks import (
    face,
    gaze,
    gaze_offset,
    head,
    orders,
    playback,
    quest_pro_clock,
    quest_pro_eye,
    quest_pro_face,
    quest_pro_gaze,
    study,
)
from vpnet.quest_pro import files, headset_columns, rows, streams, tables
from vpnet.questionnaires.recording_answers import VIDEO_NOT_LISTED
from vpnet.recordings import (
    clock,
    csv_table,
    orientation_agreement,
)
from vpnet.recordings.findings import Rule
from vpnet.recordings.refusals import REFUSALS

ALL_RULES: tuple[Rule, ...] = (
    *REFUSALS,
    csv_table.LAST_LINE_CUT,
    files.PARTICIPANT_UNCLEAR,
    tables.EYE_MISSING,
    tables.FACE_MISSING,
    tables.COMBINED_UNREADABLE,
    rows.BEFORE_PLAYBACK,
    rows.AFTER_PLAYBACK,
    rows.WITHOUT_FRAME,
    rows.ROWS_MISSING,
    clock.REPEATS,
    streams.PITCH_SIGN,
    streams.WEIGHTS_UNNAMED,
    headset_columns.MIXED_SIGN,
    orientation_agreement.ORIENTATION_LEFT_OUT,
    VIDEO_NOT_LISTED,
    *playback.RULES,
    *head.RULES,
    *gaze.RULES,
    *gaze_offset.RULES,
    *face.RULES,
    *quest_pro_clock.RULES,
    *quest_pro_gaze.RULES,
    *quest_pro_eye.RULES,
    *quest_pro_face.RULES,
    *study.RULES,
    *orders.RULES,
)
