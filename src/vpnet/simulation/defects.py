"""Defects of real headset files and studies, to be put into simulated ones by name."""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vpnet.errors import InputError
from vpnet.simulation import row_defects, sensor_defects
from vpnet.simulation.headset_tables import QuestProTables
from vpnet.simulation.viewers_and_videos import random_stream
from vpnet.whole_files import whole_file, write_text

FileDefect = Callable[[Mapping[str, Path], np.random.Generator], None]
"""Changes the written files of one recording, which are given by the names of their tables."""

NO_NUMBER = "lost"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _word_in(table: str, column: str) -> FileDefect:
    """A word where a column of a table must hold a number."""

    def defect(files: Mapping[str, Path], rng: np.random.Generator) -> None:
        header, *lines = files[table].read_text(encoding="utf-8").splitlines()
        row = int(rng.integers(len(lines)))
        values = lines[row].split(",")
        values[header.split(",").index(column)] = NO_NUMBER
        lines[row] = ",".join(values)
        write_text(files[table], "\n".join((header, *lines)) + "\n")

    return defect


def _missing(table: str) -> FileDefect:
    """There is no file of a table."""
    return lambda files, _rng: files[table].unlink()


def _last_line_cut(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """The last line of every file ends in its middle: the app was killed."""
    for file in files.values():
        text = file.read_text(encoding="utf-8").rstrip("\n")
        last_line = text[text.rindex("\n") + 1 :]
        write_text(file, text[: -(len(last_line) // 2)])


def _byte_order_mark(files: Mapping[str, Path], _rng: np.random.Generator) -> None:
    """Every file begins with the mark that some programs put before UTF-8."""
    for file in files.values():
        content = file.read_bytes()
        with whole_file(file) as temporary:
            temporary.write_bytes(BYTE_ORDER_MARK + content)


FILE_DEFECTS: Mapping[str, FileDefect] = {
    "unreadable": _word_in("head", "UnitQuaternion.w"),
    "gaze_unreadable": _word_in("eye", "GazeDir.x"),
    "face_unreadable": _word_in("face", "FaceIsValid"),
    # Of combined.csv nobody needs other columns than the time.
    "combined_unreadable": _word_in("combined", "Timestamp"),
    "last_line_cut": _last_line_cut,
    "byte_order_mark": _byte_order_mark,
    "head_missing": _missing("head"),
    "eye_missing": _missing("eye"),
    "face_missing": _missing("face"),
}
"""Each defect by its name, in the order in which several are put in."""


def _video_not_in_questionnaire(written: Sequence[Path]) -> None:
    """The first one to answer wrote the name of a video with another letter."""
    answers = json.loads(written[0].read_text(encoding="utf-8"))
    answers["videos"][0]["video"] = answers["videos"][0]["video"].capitalize()
    write_text(written[0], json.dumps(answers, indent=2) + "\n")


def _questionnaire_unreadable(written: Sequence[Path]) -> None:
    """The file of the last one to answer ends in its middle."""
    text = written[-1].read_text(encoding="utf-8")
    write_text(written[-1], text[: len(text) // 2])


QUESTIONNAIRE_DEFECTS: Mapping[str, Callable[[Sequence[Path]], None]] = {
    "video_not_in_questionnaire": _video_not_in_questionnaire,
    "questionnaire_unreadable": _questionnaire_unreadable,
}
"""Defects of a study's questionnaires (JSON, at least one), in the order in which they are put in.
"""

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
        row_defects.row_rate_low,
        sensor_defects.head_frozen,
        sensor_defects.head_still,
        sensor_defects.head_jumps,
        sensor_defects.head_tilted,
        sensor_defects.gaze_rate_low,
        sensor_defects.offset_shifted,
        sensor_defects.gaze_opposes_head,
        sensor_defects.offsets_beyond_reach,
        sensor_defects.gaze_stuck,
        sensor_defects.gaze_lost,
        sensor_defects.tracking_lost,
        sensor_defects.blink_rate,
        sensor_defects.face_rate_low,
        sensor_defects.face_stuck,
        sensor_defects.face_dead,
        sensor_defects.face_saturated,
        sensor_defects.face_lost,
        sensor_defects.face_dropout,
        # What is derived, and single columns.
        sensor_defects.confidence_low,
        sensor_defects.gaze_angles_disagree,
        sensor_defects.openness_is_confidence,
        sensor_defects.openness_inconsistent,
        sensor_defects.pupil_not_measured,
        sensor_defects.fixations_on_held_rows,
        sensor_defects.pitch_sign,
        sensor_defects.mixed_pitch_sign,
        sensor_defects.euler_disagrees,
        sensor_defects.quaternion_not_unit,
        sensor_defects.face_out_of_range,
        sensor_defects.weights_unnamed,
        # Rows and clock, for all tables together, then for one of them.
        row_defects.starts_late,
        row_defects.ends_early,
        row_defects.playback_gaps,
        row_defects.clock_drift,
        row_defects.playback_unit,
        row_defects.playback_paused,
        row_defects.playback_repeats,
        row_defects.playback_steps_back,
        row_defects.rows_before_playback,
        row_defects.rows_after_playback,
        row_defects.rows_without_frame,
        row_defects.never_played,
        row_defects.player_not_synchronised,
        row_defects.rows_missing,
        row_defects.foreign_file,
    )
}
"""Each defect by its name, in the order in which several are put in."""


def hit_by(
    defects: Sequence[str], defective_share: float, seed: int, user_id: str, video_id: str
) -> list[str]:
    """Which defects a recording has: each with this probability, `HEADSET_DEFECTS` always."""
    return [
        name
        for name in defects
        if name in HEADSET_DEFECTS
        or random_stream(seed, "defective", name, user_id, video_id).random() < defective_share
    ]


def with_defects(
    tables: QuestProTables, defects: Sequence[str], seed: int, user_id: str, video_id: str
) -> QuestProTables:
    """Tables of at least `LONGEST_DEFECT_S` with the given ones of `TABLE_DEFECTS`.

    Other names are passed over.
    """
    for name, defect in TABLE_DEFECTS.items():
        if name in defects:
            tables = defect(tables, random_stream(seed, "defect", name, user_id, video_id))
    return tables


STUDY_DEFECTS: Mapping[str, tuple[int, int]] = {
    "order_same_for_all": (3, 3),
    "sessions_same_for_all": (3, 3),
    "questionnaire_missing": (2, 1),
    **dict.fromkeys(QUESTIONNAIRE_DEFECTS, (1, 1)),
    "recording_missing": (3, 3),
    "duplicate_recording": (1, 1),
    "copied_recording": (2, 1),
}
"""Defects of a whole study, and how many users and videos it must have for them to be seen."""

ALL_DEFECTS = (*TABLE_DEFECTS, *FILE_DEFECTS, *STUDY_DEFECTS)

NOT_IN_LAYOUT: Mapping[str, Mapping[str, str]] = {
    "v2": {},
    "v1": {
        "blink_rate": "layout v1 has no columns of lids",
        "openness_inconsistent": "layout v1 does not say how it came by its openness",
        "rows_without_frame": "layout v1 has no VideoFrame",
    },
}
"""Layouts of a Quest Pro study (docs/CONVENTIONS.md): the defects that cannot show, and why."""

NOT_IN_MEMORY: Mapping[str, str] = dict.fromkeys(
    (*FILE_DEFECTS, *STUDY_DEFECTS), "recordings in memory have no files"
)
"""Defects that recordings in memory cannot show, and why."""


def not_in_layout(layout: str) -> Mapping[str, str]:
    """`NOT_IN_LAYOUT` of one layout.

    Raises:
        InputError: The layout is unknown.
    """
    if layout not in NOT_IN_LAYOUT:
        raise InputError(f"layout must be one of {', '.join(NOT_IN_LAYOUT)}, got {layout!r}")
    return NOT_IN_LAYOUT[layout]


def named_defects(defects: Sequence[str], impossible: Mapping[str, str]) -> tuple[str, ...]:
    """The defects that are meant, with ``headset`` and ``all`` spelled out.

    Args:
        defects: Names; ``headset`` stands for `HEADSET_DEFECTS`, ``all`` for all that are possible.
        impossible: Names of those that cannot show here, and why.

    Raises:
        InputError: A name is unknown, or not possible here.
    """
    possible = [name for name in ALL_DEFECTS if name not in impossible]
    chosen: dict[str, None] = {}
    for name in defects:
        if name == "headset":
            chosen |= dict.fromkeys(HEADSET_DEFECTS)
        elif name == "all":
            chosen |= dict.fromkeys(possible)
        elif name in possible:
            chosen[name] = None
        elif name in impossible:
            raise InputError(
                f"defects: {name} cannot show here ({impossible[name]}); write a study in layout "
                "v2 with vpnet simulate"
            )
        else:
            close = difflib.get_close_matches(str(name), ("headset", "all", *possible), n=1)
            known_names = f"known are headset, all, {', '.join(possible)}"
            remedy = f"did you mean {close[0]}?" if close else known_names
            raise InputError(f"defects: no defect is called {name!r}; {remedy}")
    return tuple(chosen)


def check_defects(defects: Iterable[str], users: int, videos: int, duration_s: float) -> None:
    """Refuse defects for which there are too few users or videos, or the videos are too short.

    Raises:
        InputError: The rule that was broken.
    """
    for name in defects:
        if name in TABLE_DEFECTS and name not in HEADSET_DEFECTS and duration_s < LONGEST_DEFECT_S:
            raise InputError(
                f"defects: {name} needs videos of at least {LONGEST_DEFECT_S:g} s, got "
                f"duration_s={duration_s:g}; set a longer duration"
            )
        least_users, least_videos = STUDY_DEFECTS.get(name, (1, 1))
        if users < least_users or videos < least_videos:
            raise InputError(
                f"defects: {name} shows in a study of at least {least_users} users and "
                f"{least_videos} videos, got {users} and {videos}; make the study larger"
            )
