"""Defects of real headset files, to be put into simulated tables by name.

A defect is named as the finding that it provokes. Those of files and of questionnaires are in the
modules `files` and `questionnaires` beside this one; `choice` lists all, those of a study too.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vpnet.simulation.defects import face, gaze, head, playback
from vpnet.simulation.quest_pro_format import QuestProTables
from vpnet.simulation.random_stream import random_stream

TableDefect = Callable[[QuestProTables, np.random.Generator], QuestProTables]

HEADSET_DEFECTS = (
    "pupil_not_measured",
    "fixations_on_held_rows",
    "mixed_pitch_sign",
    "rows_before_playback",
)
"""What every real recording of a Quest Pro has."""

LONGEST_DEFECT_S = 10.0
"""A shorter video has no room for some of the defects."""

TABLE_DEFECTS: Mapping[str, TableDefect] = {
    defect.__name__: defect
    for defect in (
        # What is measured; all else is derived from it anew.
        playback.row_rate_low,
        head.head_frozen,
        head.head_still,
        head.head_jumps,
        head.head_tilted,
        gaze.gaze_rate_low,
        gaze.offset_shifted,
        gaze.gaze_opposes_head,
        gaze.offsets_beyond_reach,
        gaze.gaze_stuck,
        gaze.gaze_lost,
        gaze.tracking_lost,
        face.blink_rate,
        face.face_rate_low,
        face.face_stuck,
        face.face_dead,
        face.face_saturated,
        face.face_lost,
        face.face_dropout,
        # What is derived, and single columns.
        gaze.confidence_low,
        gaze.gaze_angles_disagree,
        gaze.openness_is_confidence,
        gaze.openness_inconsistent,
        gaze.pupil_not_measured,
        gaze.fixations_on_held_rows,
        head.pitch_sign,
        head.mixed_pitch_sign,
        head.euler_disagrees,
        head.quaternion_not_unit,
        face.face_out_of_range,
        face.weights_unnamed,
        # Rows and clock, for all tables together, then for one of them.
        playback.starts_late,
        playback.ends_early,
        playback.playback_gaps,
        playback.clock_drift,
        playback.playback_unit,
        playback.playback_paused,
        playback.playback_repeats,
        playback.playback_steps_back,
        playback.rows_before_playback,
        playback.rows_after_playback,
        playback.rows_without_frame,
        playback.never_played,
        playback.player_not_synchronised,
        playback.rows_missing,
        playback.foreign_file,
    )
}
"""Each defect by its name, in the order in which several are put in."""

ALSO_FOUND: Mapping[str, frozenset[str]] = {
    "gaze_opposes_head": frozenset({"offsets_beyond_reach"}),
    "playback_paused": frozenset({"playback_repeats"}),
    "playback_unit": frozenset({"face_rate_low", "fixations_on_held_rows", "tracking_lost"}),
}
"""Findings that a defect may bring along: eyes that run away from the head leave their reach, a
clock that stands still repeats itself, and in another unit nothing lasts as long as it should."""


def hit_by(
    defects: Sequence[str], defective_share: float, seed: int, user_id: str, video_id: str
) -> list[str]:
    """Which of the defects a recording of a simulated study has.

    Args:
        defects: Names.
        defective_share: Probability of each, but for those that every headset has.
        seed: Seed of the study.
        user_id: Who watches.
        video_id: What is watched.
    """
    return [
        name
        for name in defects
        if name in HEADSET_DEFECTS
        or random_stream(seed, "defective", name, user_id, video_id).random() < defective_share
    ]


def with_defects(
    tables: QuestProTables, defects: Sequence[str], seed: int, user_id: str, video_id: str
) -> QuestProTables:
    """Tables with the given ones of `TABLE_DEFECTS`; other names are passed over.

    Args:
        tables: Tables without defects, of at least `LONGEST_DEFECT_S`.
        defects: Names.
        seed: Seed of the study.
        user_id: Who watches.
        video_id: What is watched.
    """
    for name, defect in TABLE_DEFECTS.items():
        if name in defects:
            tables = defect(tables, random_stream(seed, "defect", name, user_id, video_id))
    return tables
