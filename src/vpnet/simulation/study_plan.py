"""The recordings of a written simulated study: where they lie, and what is wrong with them."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from vpnet.recordings.frame import Frame
from vpnet.simulation.all_defects import hit_by, with_defects
from vpnet.simulation.answers import draw_questionnaire
from vpnet.simulation.file_defects import FILE_DEFECTS
from vpnet.simulation.quest_pro_tables import simulate_tables
from vpnet.simulation.random_stream import random_stream
from vpnet.simulation.table_columns import TABLE_NAMES, as_layout_v1, with_fixed_decimals
from vpnet.simulation.table_streams import turned_tables
from vpnet.simulation.videos import SimulatedVideo
from vpnet.simulation.viewers import Viewer
from vpnet.whole_files import whole_file

FIRST_DAY = datetime(2024, 3, 4, 10, 0, 0)
"""The first viewer comes on this day, each other a day later."""

BETWEEN_VIDEOS_S = 60.0


@dataclass(frozen=True)
class RecordingPlan:
    """One recording to be written.

    Args:
        viewer: Who watches.
        video: What is watched.
        seed: Seed of the tables.
        files: Where its tables are written, by their names.
        layout: ``v2`` or ``v1``.
        defects: Names of its defects.
        frame: What readers of its tables need, see `turned_tables`.
    """

    viewer: Viewer
    video: SimulatedVideo
    seed: int
    files: Mapping[str, Path]
    layout: str = "v2"
    defects: tuple[str, ...] = ()
    frame: Frame = Frame()

    def write(self) -> None:
        """Simulate the recording, spoil it as planned, and write its files."""
        names = (self.viewer.user_id, self.video.video_id)
        tables = simulate_tables(self.viewer, self.video, self.seed)
        if self.frame != Frame():
            tables = turned_tables(tables, self.frame)
        tables = with_defects(tables, self.defects, self.seed, *names)
        if self.layout == "v1":
            tables = as_layout_v1(tables)
        for name, table in tables.named().items():
            with whole_file(self.files[name]) as temporary:
                with_fixed_decimals(table).write_csv(temporary)
        for name, defect in FILE_DEFECTS.items():
            if name in self.defects:
                defect(self.files, random_stream(self.seed, "defect", name, *names))


def plan_study(
    root: Path,
    viewers: Sequence[Viewer],
    videos: Sequence[SimulatedVideo],
    seed: int,
    *,
    defects: Sequence[str] = (),
    defective_share: float = 1.0,
    layout: str = "v2",
    frame: Frame = Frame(),
) -> list[RecordingPlan]:
    """All recordings of a simulated study, in the order in which they are made.

    Args:
        root: Folder of the study.
        viewers: Who watches.
        videos: What each of them watches.
        seed: Seed of the study.
        defects: Names of defects.
        defective_share: Probability that a recording has a defect, for each defect by itself.
        layout: ``v2`` or ``v1``.
        frame: What readers of the study need: how the video is turned in the scene.
    """
    plans = []
    for number, viewer in enumerate(viewers):
        began = FIRST_DAY + timedelta(days=number)
        questionnaire = draw_questionnaire(viewer, number, videos, seed, **same_for_all(defects))
        places = [questionnaire.overall_position(video.video_id) or 0 for video in videos]
        for video in (videos[index] for index in np.argsort(places)):
            plans.append(
                RecordingPlan(
                    viewer,
                    video,
                    seed,
                    files=recording_files(root, layout, viewer, video, began),
                    layout=layout,
                    defects=tuple(
                        hit_by(defects, defective_share, seed, viewer.user_id, video.video_id)
                    ),
                    frame=frame,
                )
            )
            began += timedelta(seconds=math.ceil(video.duration_s + BETWEEN_VIDEOS_S))
    first = plans[0]
    if "copied_recording" in defects:
        same_video = next(plan for plan in plans[len(videos) :] if plan.video == first.video)
        # Someone copied the first viewer's files over the second viewer's.
        plans[plans.index(same_video)] = replace(first, files=same_video.files)
    if "recording_missing" in defects:
        del plans[-1]
    if "duplicate_recording" in defects:
        # The same viewer watched it once more, and the other software version wrote it down.
        day_before = FIRST_DAY - timedelta(days=1)
        again = recording_files(root, "v1", first.viewer, first.video, day_before)
        plans.append(replace(first, seed=seed + 1, files=again, layout="v1", defects=()))
    return plans


def same_for_all(defects: Collection[str]) -> dict[str, bool]:
    """What a study with these defects requires of the order in which videos are shown.

    Args:
        defects: Names.
    """
    return {
        "same_order": "order_same_for_all" in defects,
        "same_sessions": "sessions_same_for_all" in defects,
    }


def recording_files(
    root: Path, layout: str, viewer: Viewer, video: SimulatedVideo, began: datetime
) -> dict[str, Path]:
    """Where a recording is in a study, by the names of its tables.

    Args:
        root: Folder of the study.
        layout: ``v2`` or ``v1``.
        viewer: Who watches.
        video: What is watched.
        began: When, which is part of the names of layout v1.
    """
    if layout == "v2":
        folder = root / viewer.user_id / video.video_id
        return {name: folder / f"{name}.csv" for name in TABLE_NAMES}
    ending = f"{viewer.user_id}_{video.video_id}_{began:%Y%m%d_%H%M%S}.csv"
    return {name: root / f"{name}_{ending}" for name in TABLE_NAMES}
