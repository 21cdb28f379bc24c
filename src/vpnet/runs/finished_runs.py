"""Which runs are finished or were interrupted, and of which configuration."""

import shutil
from pathlib import Path

import yaml
from lightning_fabric.utilities.rank_zero import rank_zero_only

from vpnet.errors import InputError
from vpnet.runs.run_config import (
    CONFIG_FILE,
    differing_keys,
    read_config,
)
from vpnet.runs.run_groups import check_same_but_seed
from vpnet.runs.seeds import METRICS_FILE
from vpnet.evaluation.tables import ERRORS_FILE, PREDICTIONS_FILE
from vpnet.checkpoints.checkpoint_file import read_content

TABLE_FILE = "results.md"
PICTURES = ("viewport_path", "error_by_horizon", "overview")
"""Those of every run, without their ending; some models have more."""

PROMISED = (
    ERRORS_FILE,
    PREDICTIONS_FILE,
    TABLE_FILE,
    *(f"{name}.png" for name in PICTURES),
    METRICS_FILE,
)
"""What every finished run holds besides its configuration."""

MOST_TOLD = 4
"""Differing settings that a refusal names."""

SWEEP_APART = (
    "sweep another configuration into another folder (hydra.sweep.dir=...), or delete the wrong run"
)
"""What to do where a row of an ablation holds runs of two configurations."""


def is_finished(run: Path) -> bool:
    """Whether a folder holds everything that a run promises.

    metrics.json is written when all else is there, and in W&B (`vpnet.runs.report`); runs of
    earlier versions wrote it before their pictures.
    """
    return all((run / file).is_file() for file in PROMISED)


def has_finished(run: Path, config: str) -> bool:
    """Whether a folder holds the results of just this configuration.

    Only settings are compared: not the program, nor what the files that they name hold.

    Args:
        run: Folder of a run; it may be missing or empty.
        config: The whole resolved configuration as YAML, as it is written to config.yaml.

    Raises:
        InputError: The folder holds the results of another configuration.
    """
    if not is_finished(run):
        return False
    found, asked = read_config(run), yaml.safe_load(config)
    differing = differing_keys(found, asked)
    if differing:
        told = [f"{key} is {was} there, {now} now" for key, was, now in differing[:MOST_TOLD]]
        if len(differing) > MOST_TOLD:
            told.append(f"{len(differing) - MOST_TOLD} more")
        raise InputError(
            f"{run}: holds a finished run of another configuration: {'; '.join(told)}; "
            "name another folder (hydra.sweep.dir=... for a sweep, hydra.run.dir=... "
            "for one run), or delete this one"
        )
    return True


def check_other_seeds(run: Path, config: str) -> None:
    """Refuse a run of an ablation whose row holds finished seeds of another configuration.

    Args:
        run: Folder of the run; the others of its row lie beside it.
        config: As `has_finished` takes it; without ``ablation`` nothing is looked at.

    Raises:
        InputError: A finished run beside it differs in more than the seed.
    """
    asked = yaml.safe_load(config)
    if "ablation" in asked:
        for other in sorted(run.parent.glob("seed_*")):
            if other != run and is_finished(other):
                check_same_but_seed(run, asked, other, read_config(other), SWEEP_APART)


def interrupted_at(run: Path, config: str) -> Path | None:
    """The checkpoint of the last epoch that an interrupted run of just this configuration ended.

    Args:
        run: Folder of a run that has no results.
        config: As `has_finished` takes it.

    Returns:
        ``checkpoints/last.ckpt``; None where training did not come so far.

    Raises:
        InputError: The file is damaged or of another version; it is not deleted unseen.
    """
    last = run / "checkpoints" / "last.ckpt"
    if not last.is_file() or not (run / CONFIG_FILE).is_file():
        return None
    if differing_keys(read_config(run), yaml.safe_load(config)):
        return None
    try:
        content = read_content(last)
    except InputError as error:
        raise InputError(
            f"{error}; the run cannot resume from it: delete {run} to start over"
        ) from error
    return last if "optimizer_states" in content else None


def check_no_links(run: Path) -> None:
    """Refuse a run folder whose parts are links: what is written or deleted there lies elsewhere.

    Args:
        run: Folder of a run; it may be missing.

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
        kept: A checkpoint that the run starts from; it stays, also where it lies in the folder.
    """
    if (run / CONFIG_FILE).is_file() and not is_finished(run):
        for left in (run / "csv", *run.glob("csv_*")):
            shutil.rmtree(left, ignore_errors=True)
        for file in (run / "checkpoints").glob("*"):
            if kept is None or file.resolve() != kept.resolve():
                file.unlink()
