"""The folder of a written simulated study: its recordings, and the true saliency of its videos."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from rich.progress import track

from vpnet.errors import InputError
from vpnet.recordings.frame import Frame
from vpnet.simulation.answers import draw_questionnaire
from vpnet.simulation.defects import FILE_DEFECTS, hit_by, with_defects
from vpnet.simulation.headset_tables import (
    TABLE_NAMES,
    as_layout_v1,
    turned_tables,
    with_fixed_decimals,
)
from vpnet.simulation.quest_pro_tables import simulate_tables
from vpnet.simulation.viewers_and_videos import SimulatedVideo, Viewer, random_stream, saliency_maps
from vpnet.whole_files import whole_file, write_text

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

    The settings are those of `vpnet.simulation.simulated_study.write_simulated_study`.
    """
    plans = []
    for number, viewer in enumerate(viewers):
        began = FIRST_DAY + timedelta(days=number)
        questionnaire = draw_questionnaire(viewer, number, videos, seed, defects)
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


def recording_files(
    root: Path, layout: str, viewer: Viewer, video: SimulatedVideo, began: datetime
) -> dict[str, Path]:
    """Where a recording is in a study, by the names of its tables; only v1 names the time."""
    if layout == "v2":
        folder = root / viewer.user_id / video.video_id
        return {name: folder / f"{name}.csv" for name in TABLE_NAMES}
    ending = f"{viewer.user_id}_{video.video_id}_{began:%Y%m%d_%H%M%S}.csv"
    return {name: root / f"{name}_{ending}" for name in TABLE_NAMES}


MARKER = "SIMULATED.txt"
"""File that says that a folder holds simulated data."""


def prepare_folder(root: Path, tables: Iterable[Path], videos: Sequence[SimulatedVideo]) -> None:
    """Make the folder of a study, or empty the folder of an earlier one.

    Args:
        root: The folder.
        tables: Files of recordings and questionnaires that may be written into it.
        videos: Videos whose saliency may be.

    Raises:
        InputError: The folder holds something else, or cannot be made.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: a simulated study needs a folder, found a file; name another")
    found = {path for path in root.rglob("*") if path.is_file()}
    if found and root / MARKER not in found:
        raise InputError(
            f"{root}: a simulated study is written into an empty folder, found "
            f"{min(found).relative_to(root)} and no {MARKER}; name another folder"
        )
    foreign = found - {root / MARKER, *tables, *saliency_files(root, videos)}
    if foreign:
        raise InputError(
            f"{root}: the folder holds a simulated study with files that this one would leave "
            f"behind, such as {min(foreign).relative_to(root)}; delete the folder or name another"
        )
    # Whatever a defect leaves out must not be there from before.
    for file in found - {root / MARKER}:
        file.unlink()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{root}: the folder cannot be made ({error.strerror}); name another"
        ) from error


FOLDER = "saliency"
CLOCK_FILE = "saliency.json"
SALIENCY_RATE_HZ = 5.0


def saliency_files(root: Path, videos: Sequence[SimulatedVideo]) -> list[Path]:
    """All files that `write_saliency` writes: the clock of the maps, then the maps."""
    folder = root / FOLDER
    return [folder / CLOCK_FILE, *(folder / f"{video.video_id}.npy" for video in videos)]


def write_saliency(root: Path, videos: Sequence[SimulatedVideo]) -> None:
    """Write the maps of each video, float16, and the clock that they share."""
    clock_file, *map_files = saliency_files(root, videos)
    shown = list(zip(videos, map_files, strict=True))
    for video, map_file in track(shown, description="True saliency"):
        maps = saliency_maps(video, SALIENCY_RATE_HZ).numpy().astype(np.float16)
        # Into an open file: given a path, numpy would add an ending of its own.
        with whole_file(map_file) as temporary, temporary.open("wb") as file:
            np.save(file, maps)
    write_text(clock_file, json.dumps({"rate_hz": SALIENCY_RATE_HZ, "first_s": 0.0}) + "\n")
