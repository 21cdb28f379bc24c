"""What became of each video, as a table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vpnet.errors import InputError
from vpnet.evaluation.text_table import TextTable
from vpnet.paver.extraction.video_job import VideoJob
from vpnet.paver.store.reading import StoreFile


class Outcome(NamedTuple):
    """What became of one video."""

    video: str
    """Name of its file."""
    maps: int
    """Maps that are in its file of maps."""
    duration_s: float
    """Playback time of the last of them, s."""
    failure: str
    """Why maps are missing; empty where none is."""


def outcomes(jobs: Sequence[VideoJob], refused: Mapping[str, str]) -> list[Outcome]:
    """Finish what is left to finish, and say what became of every video, by name.

    Args:
        jobs: The videos that were worked on.
        refused: The others, and what is wrong with them.
    """
    found = [Outcome(name, 0, 0.0, reason) for name, reason in refused.items()]
    for job in jobs:
        name = job.video.path.name
        try:
            if not job.finish():
                found.append(Outcome(name, 0, 0.0, "not finished; run the same command again"))
                continue
            store = StoreFile(job.path)
        except InputError as error:
            found.append(Outcome(name, 0, 0.0, str(error)))
            continue
        times_s = store.times_s
        failure = store.settings.get("damage", "")
        found.append(Outcome(name, len(times_s), float(times_s[-1]), failure))
    return sorted(found)


def outcome_table(results: Sequence[Outcome]) -> TextTable:
    """A row a video."""
    rows = []
    for outcome in results:
        state = "whole"
        if outcome.failure:
            state = "in part" if outcome.maps else "failed"
        until = f"{outcome.duration_s:.1f}" if outcome.maps else "-"
        rows.append((outcome.video, state, str(outcome.maps), until))
    return TextTable(
        "Saliency maps",
        ("video", "state", "maps", "until s"),
        (tuple(rows),),
    )
