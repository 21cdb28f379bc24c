"""The runs in the folder of a sweep."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vpnet.runs.run_config import CONFIG_FILE
from vpnet.runs.seeds import METRICS_FILE

DEPTHS = ("*", "*/*")
"""Where runs are: a sweep has a folder for each, an ablation one for each row and seed."""


class SweepRuns(NamedTuple):
    """Folders of runs."""

    finished: tuple[Path, ...]
    """Those with results, in the order of their numbers."""
    unfinished: tuple[Path, ...]
    """Those that began and have none."""


def runs_of(folders: Sequence[Path]) -> SweepRuns:
    """Runs, where some of the folders may be those of sweeps.

    Args:
        folders: Folders of runs and of sweeps.

    Returns:
        Folders of runs; a folder that holds neither results nor runs counts as finished, so that
        whoever reads it says what it lacks.
    """
    finished: list[Path] = []
    unfinished: list[Path] = []
    for folder in folders:
        inner = SweepRuns((), ()) if (folder / METRICS_FILE).exists() else runs_in(folder)
        finished += inner.finished if any(inner) else [folder]
        unfinished += inner.unfinished
    return SweepRuns(tuple(dict.fromkeys(finished)), tuple(dict.fromkeys(unfinished)))


def runs_in(folder: Path) -> SweepRuns:
    """The runs of a sweep.

    Args:
        folder: Folder of the sweep, which holds those of the runs.
    """
    found = {
        file.parent
        for depth in DEPTHS
        for name in (METRICS_FILE, CONFIG_FILE)
        for file in folder.glob(f"{depth}/{name}")
    }
    runs = sorted(found, key=lambda run: _by_number(str(run.relative_to(folder))))
    has_results = {run: (run / METRICS_FILE).is_file() for run in runs}
    return SweepRuns(
        tuple(run for run in runs if has_results[run]),
        tuple(run for run in runs if not has_results[run]),
    )


def _by_number(name: str) -> list[tuple[int, str]]:
    """A key that sorts run 2 before run 10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
