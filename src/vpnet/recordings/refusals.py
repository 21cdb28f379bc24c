"""The rules whose breach makes a recording unusable: a reader finds them, training refuses them.

A reader never stops at the first: it notes a finding and goes on as ``accepted`` says, so that one
pass finds all. Whether the recording is used is decided afterwards, by `vpnet.studies.study`.
"""

from vpnet.recordings.findings import Rule, Severity

UNREADABLE = Rule(
    "unreadable",
    Severity.ERROR,
    "The recording cannot be read",
    meaning="Nothing of the recording can be used.",
    remedy="mend the file, or leave the recording out",
)
HEAD_MISSING = Rule(
    "head_missing",
    Severity.ERROR,
    "The head's file is missing",
    meaning="Without the head there is nothing to predict and nothing to predict from.",
    remedy="put it there, or leave the recording out",
)
GAZE_UNREADABLE = Rule(
    "gaze_unreadable",
    Severity.ERROR,
    "The eye's file cannot be read",
    meaning="The gaze of this recording is unknown, though it was recorded.",
    remedy="mend the file, or remove it to read the recording without gaze",
    accepted="the recording is used without gaze",
)
FACE_UNREADABLE = Rule(
    "face_unreadable",
    Severity.ERROR,
    "The face's file cannot be read",
    meaning="The face of this recording is unknown, though it was recorded.",
    remedy="mend the file, or remove it to read the recording without face",
    accepted="the recording is used without face",
)
FOREIGN_FILE = Rule(
    "foreign_file",
    Severity.ERROR,
    "A file belongs to another recording",
    meaning="Gaze or face would be someone else's, or of another video.",
    remedy="put the right file in its place, or remove it to read the recording without",
    accepted="the recording is used without that stream",
)
NOT_SYNCHRONISED = Rule(
    "player_not_synchronised",
    Severity.ERROR,
    "PlaybackTime is 0 throughout",
    meaning="Nobody knows what the viewer saw when: no moment of the recording belongs to a moment "
    "of the video.",
    remedy="leave the recording out, or set use_timestamp_as_playback=true if it was started "
    "together with the video",
    accepted="Timestamp, from the first row on, is taken for playback time",
)
NEVER_PLAYED = Rule(
    "never_played",
    Severity.ERROR,
    "The video was never played",
    meaning="Nothing of the recording was made while the video ran.",
    remedy="leave the recording out",
)
STEPS_BACK = Rule(
    "playback_steps_back",
    Severity.ERROR,
    "Playback time steps back",
    meaning="Part of the video was seen twice, or two viewings lie in one file; the second sight "
    "of a scene is not like the first.",
    remedy="was the video restarted? Split the file there, or cut it off",
    accepted="the rows are dropped until playback time has caught up",
)
PLAYBACK_UNIT = Rule(
    "playback_unit",
    Severity.ERROR,
    "PlaybackTime is not in seconds",
    meaning="Playback time runs many times faster or slower than the headset's clock: nearly all "
    "of what is read would be made up between two samples.",
    remedy="convert the column to seconds (divide milliseconds by 1000)",
)
COPIED_RECORDING = Rule(
    "copied_recording",
    Severity.ERROR,
    "Two recordings have the same content",
    meaning="One is a copy under another name; if one is trained on and the other tested on, the "
    "result is worth nothing.",
    remedy="find out which name is right, and remove or exclude the other",
    accepted="both are used",
)
QUATERNION_NOT_UNIT = Rule(
    "quaternion_not_unit",
    Severity.ERROR,
    "A quaternion is not of unit length",
    meaning="It is no orientation; where the head pointed is unknown.",
    remedy="mend or delete the line",
    accepted="the rows are marked as lost",
)
EULER_DISAGREES = Rule(
    "euler_disagrees",
    Severity.ERROR,
    "Euler angles and quaternion disagree",
    meaning="Columns or axes of the orientation were exchanged, and every direction of the head "
    "may be wrong.",
    remedy="find out which of the two is right; exported files must have UnitQuaternion.x, .y, "
    ".z, .w in Unity's axes",
    accepted="the quaternion is used",
)
GAZE_ANGLES_DISAGREE = Rule(
    "gaze_angles_disagree",
    Severity.ERROR,
    "Gaze angles and gaze direction disagree",
    meaning="Columns or signs of the gaze were exchanged, and every direction of the gaze may be "
    "wrong.",
    remedy="find out which of the two is right; exported files must have GazeDir.x, .y, .z in "
    "Unity's axes, or remove eye.csv to read the recording without gaze",
    accepted="GazeDir is used",
)
FACE_OUT_OF_RANGE = Rule(
    "face_out_of_range",
    Severity.ERROR,
    "A face weight is outside [0, 1]",
    meaning="The weights have another scale, or the columns are not what their names say.",
    remedy="if they are percentages, divide them by 100; else mend the line",
    accepted="the rows are marked as lost",
)
QUESTIONNAIRE_UNREADABLE = Rule(
    "questionnaire_unreadable",
    Severity.ERROR,
    "The questionnaire cannot be read",
    meaning="What the viewer answered is unknown, though it was asked.",
    remedy="mend the file, or remove it to read the recordings without answers",
    accepted="the recording is used without answers",
)

REFUSALS = (
    UNREADABLE,
    HEAD_MISSING,
    GAZE_UNREADABLE,
    FACE_UNREADABLE,
    FOREIGN_FILE,
    NOT_SYNCHRONISED,
    NEVER_PLAYED,
    STEPS_BACK,
    PLAYBACK_UNIT,
    COPIED_RECORDING,
    QUATERNION_NOT_UNIT,
    EULER_DISAGREES,
    GAZE_ANGLES_DISAGREE,
    FACE_OUT_OF_RANGE,
    QUESTIONNAIRE_UNREADABLE,
)

ACCEPTABLE = {rule.code: rule.accepted for rule in REFUSALS if rule.accepted is not None}
"""What ``data.accept`` may list, and what is then done."""
