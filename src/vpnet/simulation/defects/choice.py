"""Which defects a simulated study shall have: known ones, and only where they can show."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from vpnet.errors import InputError
from vpnet.simulation.defects.files import FILE_DEFECTS
from vpnet.simulation.defects.questionnaires import QUESTIONNAIRE_DEFECTS
from vpnet.simulation.defects.tables import HEADSET_DEFECTS, LONGEST_DEFECT_S, TABLE_DEFECTS

STUDY_DEFECTS: Mapping[str, tuple[int, int]] = {
    "order_same_for_all": (3, 3),
    "sessions_same_for_all": (3, 3),
    "questionnaire_missing": (2, 1),
    **dict.fromkeys(QUESTIONNAIRE_DEFECTS, (1, 1)),
    "recording_missing": (2, 1),
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
"""Layouts of a Quest Pro study (docs/CONVENTIONS.md), the defects that cannot show in each, and
why."""

NOT_IN_MEMORY: Mapping[str, str] = dict.fromkeys(
    (*FILE_DEFECTS, *STUDY_DEFECTS), "recordings in memory have no files"
)
"""Defects that recordings in memory cannot show, and why."""


def not_in_layout(layout: str) -> Mapping[str, str]:
    """Names of the defects that a study in a layout cannot show, and why.

    Args:
        layout: A key of `NOT_IN_LAYOUT`.

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
    """Refuse defects for which the study is too small.

    Args:
        defects: Names, as `named_defects` gives them.
        users: Number of viewers.
        videos: Number of videos.
        duration_s: Length of each video.

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
