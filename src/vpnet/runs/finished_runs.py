"""Folders of runs: which are finished or were interrupted, and the numbers that they hold."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import yaml
from lightning_fabric.utilities.rank_zero import rank_zero_only

from vpnet.checkpoints.checkpoint_file import read_content
from vpnet.errors import InputError
from vpnet.evaluation.error_tables import ERRORS_FILE, PREDICTIONS_FILE
from vpnet.evaluation.metrics_table import METRICS_SCHEMA, METRICS_TABLE_FILE
from vpnet.runs.run_config import CONFIG_FILE, check_same_but_seed, differing_keys, read_config
from vpnet.table_files import read_table

METRICS_FILE = "metrics.json"
TABLE_FILE = "results.md"
PICTURES = ("viewport_path", "error_by_horizon", "overview")
"""Those of every run, without their ending; some models have more."""

PROMISED = (ERRORS_FILE, PREDICTIONS_FILE, TABLE_FILE, METRICS_FILE)
"""What every finished run holds in addition to its configuration and its pictures, of any format.

The metrics table is not among them: runs of earlier versions have none.
"""

MOST_SHOWN = 4
"""Differing settings that a refusal names."""

DEPTHS = ("*", "*/*")
"""Where runs are: a sweep has a folder for each, an ablation one for each row and seed."""

SWEEP_APART = (
    "sweep another configuration into another folder (hydra.sweep.dir=...), or delete the wrong run"
)
"""What to do where a row of an ablation holds runs of two configurations."""


def is_finished(run: Path) -> bool:
    """Whether a folder holds everything that a run promises.

    metrics.json is written when all else is there, and in W&B (`vpnet.runs.report`); runs of
    earlier versions wrote it before their pictures.
    """
    if not all((run / file).is_file() for file in PROMISED):
        return False
    plots = read_config(run).get("plots")
    draws_none = isinstance(plots, dict) and plots.get("format") == "none"
    return draws_none or all(any(run.glob(f"{picture}.*")) for picture in PICTURES)


def has_finished(run: Path, config: str) -> bool:
    """Whether a folder holds the results of just this configuration.

    Only settings are compared: not the program, nor what the files that they name hold. The folder
    may be missing. ``config`` is the whole resolved configuration, as it is written to config.yaml.

    Raises:
        InputError: The folder holds the results of another configuration.
    """
    if not (run / METRICS_FILE).is_file():
        return False
    differing = differing_keys(read_config(run), yaml.safe_load(config))
    if differing:
        raise _refusal(run, "a finished", differing)
    return is_finished(run)


def _refusal(run: Path, kind: str, differing: Sequence[tuple[str, Any, Any]]) -> InputError:
    """What is said of the folder of a run of another configuration."""
    shown = [f"{key} is {was} there, {now} now" for key, was, now in differing[:MOST_SHOWN]]
    if len(differing) > MOST_SHOWN:
        shown.append(f"{len(differing) - MOST_SHOWN} more")
    return InputError(
        f"{run}: holds {kind} run of another configuration: {'; '.join(shown)}; "
        "name another folder (hydra.sweep.dir=... for a sweep, hydra.run.dir=... "
        "for one run), or delete this one"
    )


def check_other_seeds(run: Path, config: str) -> None:
    """Refuse a run of an ablation whose row holds finished seeds of another configuration.

    The others of its row are in the same folder. ``config`` is as `has_finished` takes it; without
    ``ablation`` nothing is looked at.

    Raises:
        InputError: A finished run of its row differs in more than the seed.
    """
    wanted = yaml.safe_load(config)
    if "ablation" in wanted:
        for other in sorted(run.parent.glob("seed_*")):
            if other != run and is_finished(other):
                check_same_but_seed(run, wanted, other, read_config(other), SWEEP_APART)


def interrupted_at(run: Path, config: str) -> Path | None:
    """The checkpoint from which an interrupted run can resume.

    It is ``checkpoints/last.ckpt``, written after the last completed epoch; None if no epoch was
    completed, or the user has named a checkpoint of this folder to start from with other settings.
    ``config`` is the same text as in `has_finished`.

    Raises:
        InputError: The run has another configuration, or its checkpoint is damaged or of another
            version. It is kept: the user decides whether to delete it.
    """
    last = run / "checkpoints" / "last.ckpt"
    if not last.is_file() or not (run / CONFIG_FILE).is_file():
        return None
    wanted = yaml.safe_load(config)
    differing = differing_keys(read_config(run), wanted)
    if differing:
        start = wanted.get("checkpoint")
        if start is not None and run.resolve() in Path(start).resolve().parents:
            return None
        raise _refusal(run, "an interrupted", differing)
    try:
        content = read_content(last)
    except InputError as error:
        raise InputError(
            f"{error}; the run cannot resume from it: delete {run} to start over"
        ) from error
    return last if "optimizer_states" in content else None


def check_no_links(run: Path) -> None:
    """Refuse a run folder whose parts are links: what is written or deleted there is elsewhere.

    Raises:
        InputError: A part of it is a link.
    """
    folders = (run / "checkpoints", run / "csv", *run.glob("csv_*"))
    for part in (*folders, *(file for folder in folders for file in folder.glob("*"))):
        if part.is_symlink():
            raise InputError(
                f"{part}: is a link, and vpnet writes and deletes files there; replace it by a "
                "folder or file, or name another hydra.run.dir"
            )


@rank_zero_only
def clear_unfinished(run: Path, kept: Path | None = None) -> None:
    """Remove what an interrupted run has left, so that it can start over.

    Args:
        run: Folder of a run that has no results; nothing happens where it holds no configuration.
        kept: A checkpoint that the run starts from; it stays, also where it is in the folder.
    """
    if (run / CONFIG_FILE).is_file() and not is_finished(run):
        for left in (run / "csv", *run.glob("csv_*")):
            shutil.rmtree(left, ignore_errors=True)
        for file in (run / "checkpoints").glob("*"):
            if kept is None or file.resolve() != kept.resolve():
                file.unlink()


def read_metrics_table(run: Path) -> pl.DataFrame:
    """The table of numbers that a finished run has left, as `vpnet.evaluation.metrics_table`.

    Raises:
        InputError: It is missing or damaged.
    """
    read_metrics(run)
    file = run / METRICS_TABLE_FILE
    if not file.is_file():
        raise InputError(
            f"{file}: not found; the run is of an earlier version of vpnet: evaluate it again with "
            f"python train.py fit=false checkpoint={run / 'checkpoints' / 'best.ckpt'}"
        )
    return read_table(file, METRICS_SCHEMA, "run it again")


def read_metrics(run: Path) -> dict[str, Any]:
    """The metrics.json that a finished run has left.

    Raises:
        InputError: It is missing or damaged.
    """
    file = run / METRICS_FILE
    try:
        metrics = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        for depth in DEPTHS:
            if any(run.glob(f"{depth}/{METRICS_FILE}")):
                raise InputError(
                    f"{run}: a folder of runs, not a run; give those in it, as {run}/{depth}/"
                ) from error
        raise InputError(
            f"{file}: not found; a finished run folder has one, give such folders"
        ) from error
    except NotADirectoryError as error:
        raise InputError(f"{run}: is a file; give run folders, as SWEEP/*/") from error
    except ValueError as error:
        raise InputError(
            f"{file}: is not the metrics.json of a run: {error!r}; run it again, or leave it out"
        ) from error
    if not isinstance(metrics, dict) or not metrics.get("models"):
        raise InputError(
            f"{file}: is not the metrics.json of a run, its entry models is missing or empty; "
            "repeat the run, or leave its folder out"
        )
    return metrics


class SweepRuns(NamedTuple):
    """Folders of runs with results, in the order of their numbers, and of those that only began."""

    finished: tuple[Path, ...]
    unfinished: tuple[Path, ...]


def runs_of(folders: Sequence[Path]) -> SweepRuns:
    """Runs, where some of the folders may be those of sweeps.

    A folder that holds neither results nor runs counts as finished, so that reading it gives the
    error that says what it lacks.
    """
    finished: list[Path] = []
    unfinished: list[Path] = []
    for folder in folders:
        inner = SweepRuns((), ()) if (folder / METRICS_FILE).exists() else runs_in(folder)
        finished += inner.finished if any(inner) else [folder]
        unfinished += inner.unfinished
    return SweepRuns(tuple(dict.fromkeys(finished)), tuple(dict.fromkeys(unfinished)))


def runs_in(folder: Path) -> SweepRuns:
    """The runs in the folder of a sweep."""
    found = {
        file.parent
        for depth in DEPTHS
        for name in (METRICS_FILE, CONFIG_FILE)
        for file in folder.glob(f"{depth}/{name}")
    }
    runs = sorted(found, key=lambda run: _by_number(str(run.relative_to(folder))))
    finished = tuple(run for run in runs if (run / METRICS_FILE).is_file())
    return SweepRuns(finished, tuple(run for run in runs if run not in finished))


def _by_number(name: str) -> list[tuple[int, str]]:
    """A key that sorts run 2 before run 10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
